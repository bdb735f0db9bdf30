#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::storage {

/// Makes the folder and those above it, as far as they are missing, for this user
/// alone (0700). UNAVAILABLE names it and says what to do.
base::Status make_private_folders(const std::string& path);

/// What cannot be done with a file or folder that an inbox needs.
base::Status folder_error(const char* what, const std::string& path, int error);

}  // namespace dapr_mqtt::storage
