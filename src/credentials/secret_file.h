#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::credentials {

/// The content of a file, at most 1 MiB. FAILED_PRECONDITION says why it cannot be used (an empty
/// file cannot), without its name. Blocks on the file system, but not on a pipe.
base::Result<std::string> read_secret_file(const std::string& path);

/// Removes one line break at the end, which editors and `echo` put there.
std::string without_line_break(std::string text);

}  // namespace dapr_mqtt::credentials
