#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/inbox.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// The columns of a row besides the message. Times are the file's (FileClock).
struct MessageState {
  std::string_view queue{};
  base::WallTime due{};
  std::uint32_t failures = 0;
  bool evictable = false;
  base::WallTime arrived{};  ///< as IncomingMessage::arrived, which has no column
};

/// A row without its message, which stays on disk. Views are valid during the call. All values are
/// within bounds.h, even if the row is damaged.
struct StoredMessage {
  core::InboxId id = 0;
  MessageState state;
  base::WallTime received{};  ///< by the wall clock
  std::string_view topic;
  core::QoS qos = core::QoS::kAtMostOnce;
  std::size_t bytes = 0;  ///< IncomingMessage::footprint()
};

/// The messages of an inbox. Begins no transactions. As thread-safe as its
/// Database, which must outlive it.
class MessageTable {
 public:
  /// The database must have the newest schema.
  static base::Result<std::unique_ptr<MessageTable>> make(sqlite::Database& database);

  base::Status insert(core::InboxId id, const MessageState& state,
                      const core::IncomingMessage& message);
  base::Status update(core::InboxId id, std::string_view queue, base::WallTime due,
                      std::uint32_t failures);
  base::Status erase(core::InboxId id);

  /// None when there is no such row. The time of arrival is the file's.
  base::Result<std::optional<core::IncomingMessage>> read(core::InboxId id);
  /// Likewise, but reads topic and properties only.
  base::Result<std::optional<core::IncomingMessage>> read_head(core::InboxId id);
  /// Calls `row` for all rows, in the order of their ids.
  base::Status load(const std::function<void(const StoredMessage&)>& row);

  /// Records that no id above this one has been used: see ids_used() of message_ids.h.
  base::Status set_ids_used(core::InboxId up_to);

  /// Tests whether the disk has room for this many more bytes, in the log and in the database:
  /// writes and deletes that many. The space stays in the files for later writes. Not in a
  /// transaction.
  base::Status try_room(std::size_t bytes);
  /// Deletes what a crash in try_room() may have left.
  base::Status free_room();

 private:
  MessageTable() = default;
  static void read_properties(const sqlite::Statement& row, int column,
                              core::IncomingMessage& message);

  sqlite::Statement insert_;
  sqlite::Statement update_;
  sqlite::Statement erase_;
  sqlite::Statement read_;
  sqlite::Statement read_head_;
  sqlite::Statement load_;
  sqlite::Statement set_ids_;
  sqlite::Statement take_room_;
  sqlite::Statement checkpoint_;
  sqlite::Statement free_room_;
};

}  // namespace dapr_mqtt::storage
