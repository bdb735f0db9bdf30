#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// Creates `folder` and what lies above it, where missing. A folder that this
/// call makes gets mode 0755 whatever the umask: a daprd of another user has to
/// list and pass through it, nobody else may put sockets there, and each socket
/// guards itself by its own mode.
base::Status make_socket_folder(const std::string& folder);

/// An exclusive lock on the folder's own descriptor, held while the result
/// lives: no lock file, since daprd warns of each entry that is no socket.
/// UNAVAILABLE when another process holds it for five seconds.
base::Result<base::UniqueFd> lock_folder(const std::string& folder);

/// "<what> <quoted path>: <the system's words for error>".
std::string system_error_text(const std::string& what, const std::string& path, int error);

}  // namespace dapr_mqtt::dapr
