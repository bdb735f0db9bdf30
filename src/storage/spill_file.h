#pragma once

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

/// Messages of an inbox in memory that there is no memory for: in a file that has
/// no name, so that the kernel takes it back with the process, whatever ends it.
/// Opened with the first message and given back with the last.
///
/// Thread-safe: one lock, held for one transaction. All but the constructor touch
/// the disk.
class SpillFile {
 public:
  /// In this folder, which is made if need be.
  explicit SpillFile(std::string folder) : folder_(std::move(folder)) {}

  /// UNAVAILABLE, RESOURCE_EXHAUSTED: the message is not in it.
  base::Status write(core::InboxId id, const core::IncomingMessage& message);
  /// None when it is not there.
  base::Result<std::optional<core::IncomingMessage>> read(core::InboxId id);
  /// Unknown ids are not allowed.
  void erase(core::InboxId id);

 private:
  base::Status open() DM_REQUIRES(mutex_);
  void erase_now() DM_REQUIRES(mutex_);

  const std::string folder_;
  base::Mutex mutex_;
  std::unique_ptr<sqlite::Database> database_ DM_GUARDED_BY(mutex_);
  std::unique_ptr<MessageTable> table_ DM_GUARDED_BY(mutex_);
  std::size_t messages_ DM_GUARDED_BY(mutex_) = 0;
  std::vector<core::InboxId> to_erase_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
