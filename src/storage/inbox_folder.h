#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::storage {

/// The folder of one inbox below the state folder. One process at a time owns it, by a lock that
/// the kernel releases when the process ends.
///
/// The folder's name is the readable part of the consumerID, and a hash of brokers and consumerID.
class InboxFolder {
 public:
  static constexpr const char* kDatabase = "/inbox.db";

  /// Creates the folders (0700) if needed. FAILED_PRECONDITION when another process owns the
  /// folder: the text names the consumerID and what to do. UNAVAILABLE when the folder cannot be
  /// written.
  static base::Result<InboxFolder> claim(const std::string& state_dir, const std::string& identity,
                                         const std::string& consumer_id);

  /// For reading a folder that exists already. None: it is gone, another process owns it, or it has
  /// no inbox. Waits up to `patience` for another owner to release it. Unlike claim() this does not
  /// count as a use: the lock file's time, which is the time of the last use, does not change.
  static std::optional<InboxFolder> claim_existing(const std::string& path,
                                                   std::chrono::milliseconds patience = {});

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + kDatabase; }

  /// Releases the lock. `empty`: removes the database, and the folder unless something else is in
  /// it (a damaged database that was set aside).
  void release(bool empty);

 private:
  void touch();

  std::string path_;
  bool used_ = false;
  base::UniqueFd lock_;
};

/// The readable part of a consumerID in a folder's name. It may be the same for several consumerIDs.
std::string shown_consumer_id(std::string_view consumer_id);

/// The part of a folder's name that shown_consumer_id() made; empty when it is not an inbox's
/// folder.
std::string_view shown_part(std::string_view folder_name);

}  // namespace dapr_mqtt::storage
