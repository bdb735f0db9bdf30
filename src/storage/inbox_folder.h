#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::storage {

/// The folder of one inbox below the state folder, owned by one process at a
/// time, which the kernel lets go of with the process.
///
/// Its name is what can be shown of the consumerID, and a hash of brokers and
/// consumerID.
class InboxFolder {
 public:
  /// Makes the folders (0700) if need be. FAILED_PRECONDITION when another owns
  /// it: the text names the consumerID and what to do. UNAVAILABLE when the
  /// folder cannot be written.
  static base::Result<InboxFolder> claim(const std::string& state_dir, const std::string& identity,
                                         const std::string& consumer_id);

  std::string database() const { return path_ + "/inbox.db"; }

  /// Lets go. `empty`: removes the folder with the database, unless something
  /// else is in it (a damaged database set aside).
  void leave(bool empty);

 private:
  std::string path_;
  base::UniqueFd lock_;
};

}  // namespace dapr_mqtt::storage
