#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::storage {

/// Creates the folder and missing parent folders, readable by this user only (0700). The text of
/// UNAVAILABLE names the folder and says what to do.
base::Status make_private_folders(const std::string& path);

/// The folder of the file with this path.
std::string folder_of(const std::string& path);

/// The error "cannot <what> <path>: …", with what to do, for a file or folder of an inbox.
base::Status folder_error(const char* what, const std::string& path, int error);

}  // namespace dapr_mqtt::storage
