#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/inbox.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// What a row says besides the message.
struct MessageState {
  std::string_view queue;
  base::WallTime due{};
  std::uint32_t failures = 0;
  bool evictable = false;
};

/// A row without its message, which stays on disk. Views live for the call.
struct StoredMessage {
  core::InboxId id = 0;
  MessageState state;
  base::WallTime received{};
  std::string_view topic;
  core::QoS qos = core::QoS::kAtMostOnce;
  std::size_t bytes = 0;  ///< IncomingMessage::footprint()
};

/// The rows of an inbox. No transactions of its own. As thread-safe as its
/// Database, which outlives it.
class MessageTable {
 public:
  /// The schema must be the newest.
  static base::Result<std::unique_ptr<MessageTable>> make(sqlite::Database& database);

  base::Status insert(core::InboxId id, const MessageState& state,
                      const core::IncomingMessage& message);
  base::Status update(core::InboxId id, std::string_view queue, base::WallTime due,
                      std::uint32_t failures);
  base::Status erase(core::InboxId id);

  /// None when there is no such row.
  base::Result<std::optional<core::IncomingMessage>> read(core::InboxId id);
  /// All rows by their ids.
  base::Status load(const std::function<void(const StoredMessage&)>& row);

  /// No id above it has been used.
  base::Result<core::InboxId> ids_used();
  base::Status set_ids_used(core::InboxId up_to);

  /// Whether the disk has room for so many bytes more, in the log and in the database: takes
  /// it, and keeps it within the files for what comes next. Not in a transaction.
  base::Status try_room(std::size_t bytes);
  /// What a crash in try_room() may have left.
  base::Status free_room();

 private:
  MessageTable() = default;

  sqlite::Statement insert_;
  sqlite::Statement update_;
  sqlite::Statement erase_;
  sqlite::Statement read_;
  sqlite::Statement load_;
  sqlite::Statement ids_;
  sqlite::Statement set_ids_;
  sqlite::Statement take_room_;
  sqlite::Statement checkpoint_;
  sqlite::Statement free_room_;
};

}  // namespace dapr_mqtt::storage
