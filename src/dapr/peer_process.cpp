#include "dapr/peer_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dapr_mqtt::dapr {

PeerProcess::PeerProcess(pid_t pid)
    : pid_(pid), handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

PeerProcess PeerProcess::of(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return {};
  return PeerProcess(peer.pid);
}

bool PeerProcess::ended() const {
  if (!handle_.valid()) return false;
  pollfd ended{handle_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

}  // namespace dapr_mqtt::dapr
