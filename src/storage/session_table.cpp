#include "storage/session_table.h"

#include <utility>

namespace dapr_mqtt::storage {
namespace {

constexpr int kIdBits = 16;

std::int64_t number_of(core::PacketKey key) {
  return static_cast<std::int64_t>(key.connection) << kIdBits | key.id;
}

core::PacketKey key_of(std::int64_t number) {
  return {static_cast<std::size_t>(number >> kIdBits), static_cast<std::uint16_t>(number & 0xffff)};
}

}  // namespace

base::Result<std::unique_ptr<SessionTable>> SessionTable::make(sqlite::Database& database) {
  std::unique_ptr<SessionTable> table(new SessionTable);
  struct {
    sqlite::Statement& statement;
    const char* sql;
  } const wanted[] = {
      {table->put_, "INSERT OR IGNORE INTO packets VALUES(?1)"},
      {table->erase_, "DELETE FROM packets WHERE key = ?1"},
      {table->packets_, "SELECT key FROM packets ORDER BY key"},
      {table->add_, "INSERT OR IGNORE INTO subscriptions VALUES(?1, ?2)"},
      {table->remove_, "DELETE FROM subscriptions WHERE connection = ?1 AND filter = ?2"},
      {table->subscriptions_, "SELECT connection, filter FROM subscriptions"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = database.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    statement = std::move(prepared).value();
  }
  return table;
}

base::Status SessionTable::put(core::PacketKey key) {
  put_.bind(1, number_of(key));
  return put_.run();
}

base::Status SessionTable::erase(core::PacketKey key) {
  erase_.bind(1, number_of(key));
  return erase_.run();
}

base::Status SessionTable::load_packets(const std::function<void(core::PacketKey)>& each) {
  auto row = packets_.step();
  for (; row.ok() && row.value(); row = packets_.step()) each(key_of(packets_.integer(0)));
  packets_.reset();
  return row.status();
}

base::Status SessionTable::add(std::size_t connection, std::string_view filter) {
  add_.bind(1, static_cast<std::int64_t>(connection)).bind_text(2, filter);
  return add_.run();
}

base::Status SessionTable::remove(std::size_t connection, std::string_view filter) {
  remove_.bind(1, static_cast<std::int64_t>(connection)).bind_text(2, filter);
  return remove_.run();
}

base::Status SessionTable::load_subscriptions(
    const std::function<void(std::size_t connection, std::string_view filter)>& each) {
  auto row = subscriptions_.step();
  for (; row.ok() && row.value(); row = subscriptions_.step()) {
    each(static_cast<std::size_t>(subscriptions_.integer(0)), subscriptions_.bytes(1));
  }
  subscriptions_.reset();
  return row.status();
}

}  // namespace dapr_mqtt::storage
