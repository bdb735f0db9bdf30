#include "storage/schema.h"

#include <array>
#include <string>

#include "storage/packet_bodies.h"

namespace dapr_mqtt::storage {
namespace {

/// Migrates one version to the next: runs `before`, `convert` (null: none) and `after`.
struct Step {
  const char* before;
  base::Status (*convert)(sqlite::Database&);
  const char* after;
};

// Step n migrates version n to n+1. Steps are never changed after their release.
//
// messages: due and received are milliseconds since 1970; flags: see MessageTable; payload comes
// after the columns that are read without it; full_size (IncomingMessage) is usually 0, which takes
// no space in a row and is read without the payload before it; event_seed as in IncomingMessage.
// counters.ids: no id above it has been used; counters.room: see MessageTable::try_room.
// packets.key: connection and packet identifier, see SessionTable.
//
// In version 1 packets had bodies: messages to be delivered when their PUBREL came.
constexpr std::array<Step, 3> kSteps = {{
    {"CREATE TABLE messages(id INTEGER PRIMARY KEY, queue TEXT NOT NULL, due INTEGER NOT NULL,"
     " failures INTEGER NOT NULL, flags INTEGER NOT NULL, received INTEGER NOT NULL,"
     " topic TEXT NOT NULL, properties BLOB, payload BLOB NOT NULL);"
     "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
     "INSERT INTO counters VALUES('ids', 0);"
     "CREATE TABLE packets(key INTEGER PRIMARY KEY, body BLOB);"
     "CREATE TABLE subscriptions(connection INTEGER NOT NULL, filter TEXT NOT NULL,"
     " PRIMARY KEY(connection, filter)) WITHOUT ROWID;",
     nullptr, ""},
    {"", move_packet_bodies,
     "CREATE TABLE marks(key INTEGER PRIMARY KEY);"
     "INSERT INTO marks SELECT key FROM packets;"
     "DROP TABLE packets;"
     "ALTER TABLE marks RENAME TO packets;"
     "ALTER TABLE messages ADD COLUMN full_size INTEGER NOT NULL DEFAULT 0;"},
    {"ALTER TABLE messages ADD COLUMN event_seed INTEGER NOT NULL DEFAULT 0;", nullptr, ""},
}};

base::Status run(sqlite::Database& database, const Step& step) {
  base::Status status = database.execute(step.before);
  if (status.ok() && step.convert != nullptr) status = step.convert(database);
  return status.ok() ? database.execute(step.after) : status;
}

}  // namespace

base::Status migrate(sqlite::Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  const auto newest = static_cast<std::int64_t>(kSteps.size());
  if (version.value() == newest) return {};
  if (version.value() > newest || version.value() < 0) {
    return base::failed_precondition("the inbox was written by a newer version (schema " +
                                     std::to_string(version.value()) + ", this version knows " +
                                     std::to_string(newest) +
                                     "): run that version, or use another --state-dir");
  }
  return database.transaction([&] {
    for (auto from = static_cast<std::size_t>(version.value()); from < kSteps.size(); ++from) {
      if (base::Status status = run(database, kSteps[from]); !status.ok()) return status;
    }
    return database.execute(("PRAGMA user_version=" + std::to_string(newest)).c_str());
  });
}

}  // namespace dapr_mqtt::storage
