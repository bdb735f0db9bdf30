#include "storage/transfer.h"

#include <utility>

#include "storage/message_ids.h"

namespace dapr_mqtt::storage {
namespace {

/// The most bytes of messages in one transaction, which SQLite may hold in memory.
constexpr std::size_t kBytesTogether = 4U << 20U;

// The columns of messages, in the order of the schema.
constexpr int kId = 0;
constexpr int kQueue = 1;
constexpr int kTopic = 6;
constexpr int kProperties = 7;
constexpr int kPayload = 8;
constexpr int kFullSize = 9;
constexpr int kEventSeed = 10;

/// Copies all that is committed from the log into the database file, and syncs it.
base::Status sync(sqlite::Database& database) {
  const auto busy = database.number("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!busy.ok()) return busy.status();
  if (busy.value() != 0) return base::internal_error("a statement keeps the log from being synced");
  return {};
}

}  // namespace

base::Result<Transfer::Result> Transfer::run(std::chrono::milliseconds time,
                                             std::size_t messages_together) {
  base::Status status = find_note();
  if (status.ok() && copied_ > 0) status = delete_copied();
  if (status.ok()) status = copy(time, messages_together);
  // After a failure too: deletes what was copied before it.
  if (base::Status deleted = delete_copied(); status.ok()) status = deleted;
  if (!status.ok()) return status;
  const auto left = from_.number("SELECT count(*) FROM messages");
  if (!left.ok()) return left.status();
  return Result{moved_, static_cast<std::size_t>(left.value())};
}

base::Status Transfer::find_note() {
  // A random number identifies each database: if an inbox is removed and created again, its ids
  // start at 1 again.
  base::Status status = from_.execute("INSERT OR IGNORE INTO counters VALUES('file', random())");
  // Messages with ids below 1 would be deleted without having been copied.
  if (status.ok()) status = renumber_damaged(from_).status();
  if (status.ok()) status = renumber_damaged(to_).status();
  // A power cut must not undo these changes, since the note will refer to the new ids.
  if (status.ok()) status = sync(from_);
  if (!status.ok()) return status;
  const auto file = from_.number("SELECT value FROM counters WHERE name = 'file'");
  if (!file.ok()) return file.status();
  note_ = "brought from " + std::to_string(file.value());

  auto select = to_.prepare("SELECT value FROM counters WHERE name = ?1");
  if (!select.ok()) return select.status();
  const auto row = select.value().bind_text(1, note_).step();
  if (!row.ok()) return row.status();
  copied_ = row.value() ? select.value().integer(0) : 0;
  return {};
}

base::Status Transfer::copy(std::chrono::milliseconds time, std::size_t messages_together) {
  const auto until = std::chrono::steady_clock::now() + time;
  const auto last_id = ids_used(to_);
  if (!last_id.ok()) return last_id.status();
  last_id_ = last_id.value();
  auto insert =
      to_.prepare("INSERT INTO messages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  if (!insert.ok()) return insert.status();
  insert_ = std::move(insert).value();
  auto select = from_.prepare(
      "SELECT id, queue, due, failures, flags, received, topic, properties, payload, full_size,"
      " event_seed"
      " FROM messages WHERE id > ?1 ORDER BY id");
  if (!select.ok()) return select.status();
  select.value().bind(1, copied_);
  base::Result<bool> more = true;
  do {  // at least once, so that each start makes progress
    more = copy_some(select.value(), messages_together);
  } while (more.ok() && more.value() && std::chrono::steady_clock::now() < until);
  insert_ = {};
  return more.status();
}

/// False: the last message was copied.
base::Result<bool> Transfer::copy_some(sqlite::Statement& select, std::size_t most) {
  bool more = true;
  std::int64_t copied = copied_;
  std::int64_t id = last_id_;
  std::size_t count = 0;
  const base::Status status = to_.transaction([&] {
    for (std::size_t bytes = 0; count < most && bytes < kBytesTogether;) {
      const auto row = select.step();
      if (!row.ok()) return row.status();
      more = row.value();
      if (!more) break;
      insert_.bind(1, ++id).bind_text(2, select.bytes(kQueue));
      for (int column = kQueue + 1; column < kTopic; ++column) {
        insert_.bind(column + 1, select.integer(column));
      }
      insert_.bind_text(kTopic + 1, select.bytes(kTopic));
      if (select.is_null(kProperties)) {
        insert_.bind_null(kProperties + 1);
      } else {
        insert_.bind_blob(kProperties + 1, select.bytes(kProperties));
      }
      // The message's events keep their ID although the message gets another number.
      const std::int64_t seed = select.integer(kEventSeed);
      insert_.bind_blob(kPayload + 1, select.bytes(kPayload))
          .bind(kFullSize + 1, select.integer(kFullSize))
          .bind(kEventSeed + 1, seed != 0 ? seed : select.integer(kId));
      bytes += select.bytes(kPayload).size() + select.bytes(kProperties).size();
      copied = select.integer(kId);
      ++count;
      if (base::Status failed = insert_.run(); !failed.ok()) return failed;
    }
    return count == 0 ? base::Status() : note(copied, id);
  });
  if (!status.ok()) return status;
  copied_ = copied;
  last_id_ = id;
  moved_ += count;
  return more;
}

base::Status Transfer::note(std::int64_t copied, std::int64_t last_id) {
  auto statement = to_.prepare("INSERT OR REPLACE INTO counters VALUES(?1, ?2)");
  if (!statement.ok()) return statement.status();
  base::Status status = statement.value().bind_text(1, note_).bind(2, copied).run();
  if (!status.ok()) return status;
  return statement.value().bind_text(1, "ids").bind(2, last_id).run();
}

base::Status Transfer::delete_copied() {
  if (copied_ == 0) return {};
  // With synchronous=NORMAL a power cut may undo a commit. It cannot after this sync.
  base::Status status = sync(to_);
  if (!status.ok()) return status;
  {
    auto erase = from_.prepare("DELETE FROM messages WHERE id <= ?1");
    if (!erase.ok()) return erase.status();
    status = erase.value().bind(1, copied_).run();
  }
  if (status.ok()) status = sync(from_);
  if (!status.ok()) return status;
  auto forget = to_.prepare("DELETE FROM counters WHERE name = ?1");
  if (!forget.ok()) return forget.status();
  return forget.value().bind_text(1, note_).run();
}

}  // namespace dapr_mqtt::storage
