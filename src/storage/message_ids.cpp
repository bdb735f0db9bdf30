#include "storage/message_ids.h"

#include <utility>
#include <vector>

namespace dapr_mqtt::storage {
namespace {

// In the SQL below 2305843009213693952 is 2^61. No inbox reaches it, and above it there is room for
// as many more numbers.
constexpr const char* kUsed =
    "SELECT max(0, ifnull((SELECT value FROM counters WHERE name = 'ids'"
    " AND typeof(value) = 'integer' AND value <= 2305843009213693952), 0),"
    " ifnull((SELECT max(id) FROM messages), 0))";
constexpr const char* kUsedBySound =
    "SELECT max(0, ifnull((SELECT value FROM counters WHERE name = 'ids'"
    " AND typeof(value) = 'integer' AND value <= 2305843009213693952), 0),"
    " ifnull((SELECT max(id) FROM messages WHERE id <= 2305843009213693952), 0))";
/// The large ones first, in ascending order, so that none gets a number that another still has.
constexpr const char* kDamaged[] = {
    "SELECT id FROM messages WHERE id > 2305843009213693952 ORDER BY id",
    "SELECT id FROM messages WHERE id < 1 ORDER BY id"};

base::Status renumber(sqlite::Database& database, const std::vector<std::int64_t>& ids,
                      std::int64_t last) {
  auto update = database.prepare("UPDATE messages SET id = ?2 WHERE id = ?1");
  if (!update.ok()) return update.status();
  for (const std::int64_t id : ids) {
    ++last;
    if (id == last) continue;
    base::Status status = update.value().bind(1, id).bind(2, last).run();
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace

base::Result<std::int64_t> ids_used(sqlite::Database& database) { return database.number(kUsed); }

base::Result<std::size_t> renumber_damaged(sqlite::Database& database) {
  std::vector<std::int64_t> ids;
  for (const char* sql : kDamaged) {
    auto select = database.prepare(sql);
    if (!select.ok()) return select.status();
    auto row = select.value().step();
    for (; row.ok() && row.value(); row = select.value().step()) {
      ids.push_back(select.value().integer(0));
    }
    if (!row.ok()) return row.status();
  }
  if (ids.empty()) return std::size_t{0};
  const auto last = database.number(kUsedBySound);
  if (!last.ok()) return last.status();
  base::Status status = database.transaction([&] { return renumber(database, ids, last.value()); });
  if (!status.ok()) return status;
  return ids.size();
}

}  // namespace dapr_mqtt::storage
