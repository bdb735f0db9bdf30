#include "storage/sqlite/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::storage::sqlite {
namespace {

constexpr std::uint64_t kPage = 4096;  // SQLite's default
/// SQLite's default limit.
constexpr std::uint64_t kMostPages = 1'073'741'823;
// Debian's SQLite overwrites deleted data, and so writes each large message twice more (log and
// file). With FAST it overwrites only in pages that are written anyway.
constexpr const char* kForget = "PRAGMA secure_delete=FAST";

base::ErrorKind kind_of(int primary) {
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return base::ErrorKind::kFailedPrecondition;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM: return base::ErrorKind::kResourceExhausted;
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return base::ErrorKind::kUnavailable;
    default: return base::ErrorKind::kInternal;
  }
}

}  // namespace

base::Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                       const DatabaseOptions& options,
                                                       bool* corrupt) {
  sqlite3* handle = nullptr;
  // SQLite's own mutexes are off: the owner has one.
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   options.vfs);
  if (handle == nullptr) return base::resource_exhausted("no memory for the database");
  std::unique_ptr<Database> database(new Database(path, handle));
  sqlite3_extended_result_codes(handle, 1);
  base::Status status = code == SQLITE_OK ? database->configure(options) : database->error(code);
  if (!status.ok()) {
    *corrupt = database->corrupt();
    return status;
  }
  return database;
}

base::Status Database::configure(const DatabaseOptions& options) {
  const char* synchronous = options.scratch     ? "PRAGMA synchronous=OFF"
                            : options.full_sync ? "PRAGMA synchronous=FULL"
                                                : "PRAGMA synchronous=NORMAL";
  const std::string checkpoint =
      "PRAGMA wal_autocheckpoint=" + std::to_string(options.log_bytes / kPage);
  const std::string most_log = "PRAGMA journal_size_limit=" + std::to_string(options.log_bytes);
  for (const char* pragma :
       {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", synchronous, checkpoint.c_str(),
        most_log.c_str(), "PRAGMA temp_store=MEMORY", kForget}) {
    if (base::Status status = execute(pragma); !status.ok()) return status;
  }
  struct {
    Statement& statement;
    const char* sql;
  } const wanted[] = {{begin_, "BEGIN IMMEDIATE"}, {commit_, "COMMIT"}, {rollback_, "ROLLBACK"}};
  for (const auto& [statement, sql] : wanted) {
    auto prepared = prepare(sql);
    if (!prepared.ok()) return prepared.status();
    statement = std::move(prepared).value();
  }
  return {};
}

Database::~Database() {
  begin_ = {};
  commit_ = {};
  rollback_ = {};
  sqlite3_close_v2(handle_);
}

base::Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error(code);
  return Statement(*this, statement);
}

base::Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? base::Status() : error(code);
}

base::Result<std::int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement.ok()) return statement.status();
  const auto row = statement.value().step();
  if (!row.ok()) return row.status();
  return row.value() ? statement.value().integer(0) : 0;
}

base::Status Database::transaction(const std::function<base::Status()>& body) {
  if (base::Status status = begin_.run(); !status.ok()) return status;
  base::Status status = body();
  if (status.ok()) status = commit_.run();
  // After some errors SQLite has rolled back already.
  if (!status.ok() && sqlite3_get_autocommit(handle_) == 0) {
    static_cast<void>(rollback_.run());
  }
  return status;
}

base::Status Database::limit_growth(std::optional<std::uint64_t> bytes) {
  std::uint64_t pages = kMostPages;
  if (bytes) {
    const auto now = number("PRAGMA page_count");
    if (!now.ok()) return now.status();
    pages = std::min(kMostPages, static_cast<std::uint64_t>(now.value()) + *bytes / kPage);
  }
  return number(("PRAGMA max_page_count=" + std::to_string(pages)).c_str()).status();
}

base::Status Database::error(int code) {
  const int primary = code & 0xff;
  last_was_corrupt_ = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
  corrupt_ = corrupt_ || last_was_corrupt_;
  std::string text = base::quote(path_, 512) + ": " + sqlite3_errstr(primary) + " (SQLite code " +
                     std::to_string(code);
  if (const int system = sqlite3_system_errno(handle_); system != 0 && primary != SQLITE_CORRUPT) {
    text += ", system error " + std::to_string(system);
  }
  return {kind_of(primary), text + ")"};
}

}  // namespace dapr_mqtt::storage::sqlite
