#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// Creates `folder` and its parents where they are missing. A folder that this call makes gets mode
/// 0755 whatever the umask: a daprd of another user has to list and enter it, no other user may put
/// sockets there, and each socket is protected by its own mode.
base::Status make_socket_folder(const std::string& folder);

/// Takes an exclusive lock on the folder itself, held while the result lives. There is no lock
/// file, since daprd warns about each entry that is not a socket. UNAVAILABLE when another process
/// holds the lock for five seconds.
base::Result<base::UniqueFd> lock_folder(const std::string& folder);

/// "<what> <quoted path>: <the system's message for error>".
std::string system_error_text(const std::string& what, const std::string& path, int error);

}  // namespace dapr_mqtt::dapr
