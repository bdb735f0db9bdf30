#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::app {

/// The text of a file, or of standard input for "-". An error names the file. At
/// most 64 MiB.
base::Result<std::string> read_input(const std::string& path);

}  // namespace dapr_mqtt::app
