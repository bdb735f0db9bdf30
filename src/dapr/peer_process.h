#pragma once

#include <sys/types.h>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// The process that made a connection (unix(7), SO_PEERCRED). The kernel does not show a process of
/// another PID namespace, such as that of another container.
class PeerProcess {
 public:
  PeerProcess() = default;  ///< not visible
  explicit PeerProcess(pid_t pid);
  /// `fd`: the connection.
  static PeerProcess of(int fd);

  /// 0: not visible.
  pid_t pid() const { return pid_; }
  /// False also if that cannot be seen.
  bool ended() const;

 private:
  pid_t pid_ = 0;
  base::UniqueFd handle_;  // pidfd_open(2): its number is never that of a later process
};

}  // namespace dapr_mqtt::dapr
