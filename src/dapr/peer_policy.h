#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace dapr_mqtt::dapr {

/// Whose connections are taken: our own user's, root's, and those that flags allow.
struct PeerPolicy {
  uid_t own_uid = 0;
  std::vector<uid_t> allowed_uids;
  bool allow_any_uid = false;

  bool admits(uid_t uid) const;
};

/// Who connected (unix(7), SO_PEERCRED): as of the connect, whatever became of
/// the process since.
std::optional<uid_t> peer_uid(int fd);

/// For the log: which user was refused and which flag would let it in.
std::string refusal_text(uid_t uid);

}  // namespace dapr_mqtt::dapr
