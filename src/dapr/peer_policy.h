#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace dapr_mqtt::dapr {

/// Which users may connect: our own user, root, and those that flags allow.
struct PeerPolicy {
  uid_t own_uid = 0;
  std::vector<uid_t> allowed_uids;
  bool allow_any_uid = false;

  bool admits(uid_t uid) const;
};

/// The user of the process that connected, at the time of the connect (unix(7), SO_PEERCRED).
std::optional<uid_t> peer_uid(int fd);

/// For the log: which user was refused, and which flag allows it.
std::string refusal_text(uid_t uid);

}  // namespace dapr_mqtt::dapr
