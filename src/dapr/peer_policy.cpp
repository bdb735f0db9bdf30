#include "dapr/peer_policy.h"

#include <sys/socket.h>

#include <algorithm>

namespace dapr_mqtt::dapr {

bool PeerPolicy::admits(uid_t uid) const {
  constexpr uid_t kRoot = 0;
  return allow_any_uid || uid == own_uid || uid == kRoot ||
         std::find(allowed_uids.begin(), allowed_uids.end(), uid) != allowed_uids.end();
}

std::optional<uid_t> peer_uid(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

std::string refusal_text(uid_t uid) {
  const std::string number = std::to_string(uid);
  return "refused a connection of uid " + number +
         ": it is neither ours nor root's; to let it in, start with --allow-uid " + number +
         " (or --allow-any-uid)";
}

}  // namespace dapr_mqtt::dapr
