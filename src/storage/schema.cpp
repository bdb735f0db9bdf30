#include "storage/schema.h"

#include <array>
#include <string>

namespace dapr_mqtt::storage {
namespace {

// Step n brings version n to n+1. Steps are never changed once released.
//
// messages.payload is the last column, so that the rest is read without it; due
// and received are milliseconds since 1970; flags: MessageTable. counters.ids: no
// id above it has been used; counters.room: see MessageTable::try_room.
// packets.key: connection and packet identifier, see SessionTable; no body: a mark
// (core::PacketStore).
constexpr std::array<const char*, 1> kSteps = {
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, queue TEXT NOT NULL, due INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, flags INTEGER NOT NULL, received INTEGER NOT NULL,"
    " topic TEXT NOT NULL, properties BLOB, payload BLOB NOT NULL);"
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counters VALUES('ids', 0);"
    "CREATE TABLE packets(key INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE subscriptions(connection INTEGER NOT NULL, filter TEXT NOT NULL,"
    " PRIMARY KEY(connection, filter)) WITHOUT ROWID;",
};

}  // namespace

base::Status migrate(sqlite::Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  const auto newest = static_cast<std::int64_t>(kSteps.size());
  if (version.value() == newest) return {};
  if (version.value() > newest || version.value() < 0) {
    return base::failed_precondition(
        "the inbox was written by a newer version (schema " + std::to_string(version.value()) +
        ", this one knows " + std::to_string(newest) + "): run that one, or use another --state-dir");
  }
  return database.transaction([&] {
    for (auto from = static_cast<std::size_t>(version.value()); from < kSteps.size(); ++from) {
      if (base::Status status = database.execute(kSteps[from]); !status.ok()) return status;
    }
    return database.execute(("PRAGMA user_version=" + std::to_string(newest)).c_str());
  });
}

}  // namespace dapr_mqtt::storage
