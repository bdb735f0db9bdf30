#include "storage/message_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/bounds.h"
#include "storage/properties_codec.h"

namespace dapr_mqtt::storage {
namespace {

// messages.flags: two bits of QoS, then
constexpr std::int64_t kQosFlags = 3;
constexpr std::int64_t kRetained = 4;
constexpr std::int64_t kDuplicate = 8;
constexpr std::int64_t kEvictable = 16;

/// The space that a transaction needs besides the messages: parts of pages, other rows.
constexpr std::size_t kOverhead = 64U << 10U;

std::int64_t flags_of(const core::IncomingMessage& message, bool evictable) {
  return core::to_int(message.qos) | (message.retained ? kRetained : 0) |
         (message.duplicate ? kDuplicate : 0) | (evictable ? kEvictable : 0);
}

core::QoS qos_of(std::int64_t flags) {
  return static_cast<core::QoS>(std::min<std::int64_t>(flags & kQosFlags, 2));
}

std::int64_t number_of(core::InboxId id) { return static_cast<std::int64_t>(id); }
std::int64_t number_of(base::WallTime time) { return time.time_since_epoch().count(); }
base::WallTime time_of(std::int64_t ms) { return base::WallTime(within_bounds(ms)); }
/// 0 for a damaged value: the app gets the message again.
std::uint32_t failures_of(std::int64_t failures) {
  return failures < 0 || failures >= std::numeric_limits<std::uint32_t>::max()
             ? 0
             : static_cast<std::uint32_t>(failures);
}
/// 0 for a damaged value: the payload counts as complete.
std::size_t size_of(std::int64_t size) {
  return static_cast<std::size_t>(std::max<std::int64_t>(size, 0));
}

/// If they are damaged, the message is delivered without them.
core::MessageProperties stored_properties(std::string_view bytes,
                                          std::chrono::milliseconds* arrived_after = nullptr) {
  return decode_properties(bytes, arrived_after).value_or(core::MessageProperties{});
}

}  // namespace

base::Result<std::unique_ptr<MessageTable>> MessageTable::make(sqlite::Database& database) {
  std::unique_ptr<MessageTable> table(new MessageTable);
  struct {
    sqlite::Statement& statement;
    const char* sql;
  } const wanted[] = {
      {table->insert_,
       "INSERT OR REPLACE INTO messages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
      {table->update_, "UPDATE messages SET queue = ?2, due = ?3, failures = ?4 WHERE id = ?1"},
      {table->erase_, "DELETE FROM messages WHERE id = ?1"},
      {table->read_,
       "SELECT flags, received, topic, properties, payload, full_size, event_seed"
       " FROM messages WHERE id = ?1"},
      {table->read_head_, "SELECT topic, properties FROM messages WHERE id = ?1"},
      {table->load_,
       "SELECT id, queue, due, failures, flags, topic, length(payload), received, properties"
       " FROM messages ORDER BY id"},
      {table->set_ids_, "INSERT OR REPLACE INTO counters VALUES('ids', ?1)"},
      {table->take_room_, "INSERT OR REPLACE INTO counters VALUES('room', zeroblob(?1))"},
      {table->checkpoint_, "PRAGMA wal_checkpoint(PASSIVE)"},
      {table->free_room_, "DELETE FROM counters WHERE name = 'room'"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = database.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    statement = std::move(prepared).value();
  }
  return table;
}

base::Status MessageTable::insert(core::InboxId id, const MessageState& state,
                                  const core::IncomingMessage& message) {
  insert_.bind(1, number_of(id))
      .bind_text(2, state.queue)
      .bind(3, number_of(state.due))
      .bind(4, state.failures)
      .bind(5, flags_of(message, state.evictable))
      .bind(6, number_of(message.received))
      .bind_text(7, message.topic);
  std::string properties;
  if (message.properties) {
    properties = encode_properties(*message.properties, state.arrived - message.received);
    insert_.bind_blob(8, properties);
  } else {
    insert_.bind_null(8);
  }
  insert_.bind_blob(9, message.payload)
      .bind(10, static_cast<std::int64_t>(message.full_size))
      .bind(11, static_cast<std::int64_t>(message.event_seed));
  return insert_.run();
}

base::Status MessageTable::update(core::InboxId id, std::string_view queue, base::WallTime due,
                                  std::uint32_t failures) {
  update_.bind(1, number_of(id)).bind_text(2, queue).bind(3, number_of(due)).bind(4, failures);
  return update_.run();
}

base::Status MessageTable::erase(core::InboxId id) {
  erase_.bind(1, number_of(id));
  return erase_.run();
}

base::Result<std::optional<core::IncomingMessage>> MessageTable::read(core::InboxId id) {
  read_.bind(1, number_of(id));
  const auto row = read_.step();
  if (!row.ok() || !row.value()) {
    read_.reset();
    if (!row.ok()) return row.status();
    return std::optional<core::IncomingMessage>();
  }
  core::IncomingMessage message;
  const std::int64_t flags = read_.integer(0);
  message.qos = qos_of(flags);
  message.retained = (flags & kRetained) != 0;
  message.duplicate = (flags & kDuplicate) != 0;
  message.received = time_of(read_.integer(1));
  message.topic = read_.bytes(2);
  read_properties(read_, 3, message);
  message.payload = read_.bytes(4);
  message.full_size = size_of(read_.integer(5));
  message.event_seed = static_cast<std::uint64_t>(read_.integer(6));
  read_.reset();
  return std::optional(std::move(message));
}

base::Result<std::optional<core::IncomingMessage>> MessageTable::read_head(core::InboxId id) {
  read_head_.bind(1, number_of(id));
  const auto row = read_head_.step();
  std::optional<core::IncomingMessage> message;
  if (row.ok() && row.value()) {
    message.emplace();
    message->topic = read_head_.bytes(0);
    read_properties(read_head_, 1, *message);
  }
  read_head_.reset();
  if (!row.ok()) return row.status();
  return message;
}

void MessageTable::read_properties(const sqlite::Statement& row, int column,
                                   core::IncomingMessage& message) {
  if (row.is_null(column)) return;
  std::chrono::milliseconds arrived_after{};
  message.properties = std::make_shared<const core::MessageProperties>(
      stored_properties(row.bytes(column), &arrived_after));
  message.arrived = message.received + within_bounds(arrived_after.count());
}

base::Status MessageTable::load(const std::function<void(const StoredMessage&)>& each) {
  auto row = load_.step();
  for (; row.ok() && row.value(); row = load_.step()) {
    const std::int64_t flags = load_.integer(4);
    StoredMessage stored;
    stored.id = static_cast<core::InboxId>(load_.integer(0));
    stored.state = {load_.bytes(1), time_of(load_.integer(2)), failures_of(load_.integer(3)),
                    (flags & kEvictable) != 0};
    stored.received = time_of(load_.integer(7));
    stored.topic = load_.bytes(5);
    stored.qos = qos_of(flags);
    stored.bytes = sizeof(core::IncomingMessage) + stored.topic.size() + size_of(load_.integer(6));
    if (!load_.is_null(8)) stored.bytes += stored_properties(load_.bytes(8)).footprint();
    each(stored);
  }
  load_.reset();
  return row.status();
}

base::Status MessageTable::set_ids_used(core::InboxId up_to) {
  set_ids_.bind(1, number_of(up_to));
  return set_ids_.run();
}

base::Status MessageTable::try_room(std::size_t bytes) {
  take_room_.bind(1, static_cast<std::int64_t>(bytes + bytes / 16 + kOverhead));
  base::Status status = take_room_.run();
  if (status.ok()) status = checkpoint_.run();
  return status.ok() ? free_room() : status;
}

base::Status MessageTable::free_room() { return free_room_.run(); }

}  // namespace dapr_mqtt::storage
