#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/inbox.h"
#include "storage/message_table.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// A file for messages of a MemoryInbox that do not fit into memory. The file has no name, so that
/// the kernel frees it when the process ends, even if it is killed. Opened with the first message
/// and freed with the last.
///
/// Thread-safe: one lock, held for one transaction. All methods except holds_any() may wait for the
/// disk.
class SpillFile {
 public:
  /// The folder is created when it is needed.
  explicit SpillFile(std::string folder) : folder_(std::move(folder)) {}

  /// An error (UNAVAILABLE, RESOURCE_EXHAUSTED): the message was not written.
  base::Status write(core::InboxId id, const core::IncomingMessage& message);
  /// None when the message is not in the file.
  base::Result<std::optional<core::IncomingMessage>> read(core::InboxId id);
  /// Unknown ids are not allowed.
  void erase(core::InboxId id);
  /// Never waits.
  bool holds_any() const { return messages_.load() > 0; }

 private:
  base::Status open() DM_REQUIRES(mutex_);
  void erase_now() DM_REQUIRES(mutex_);

  const std::string folder_;
  base::Mutex mutex_;  // held during SQLite's reads and writes: the file has one connection
  std::unique_ptr<sqlite::Database> database_ DM_GUARDED_BY(mutex_);
  std::unique_ptr<MessageTable> table_ DM_GUARDED_BY(mutex_);
  std::atomic<std::size_t> messages_{0};  // written under the lock
  std::vector<core::InboxId> to_erase_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
