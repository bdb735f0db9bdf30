#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/statement.h"

struct sqlite3;

namespace dapr_mqtt::storage::sqlite {

struct DatabaseOptions {
  bool full_sync = false;     ///< each commit survives a power cut
  bool scratch = false;       ///< not needed after the process: never synced
  const char* vfs = nullptr;  ///< the name of another SQLite VFS, for tests
  /// When the log has this size, it is copied into the database, which delays that commit. Large, so
  /// that it is rare; but the log's file has at most about this size plus one transaction.
  std::uint64_t log_bytes = 16U << 20U;
};

/// An exclusive connection to a database file (exclusive locking: no shared memory, no lock calls in
/// each transaction), in WAL mode. Only this class and Statement use SQLite's interface.
///
/// Used by one thread at a time. No method throws.
class Database {
 public:
  /// The file is created if it does not exist.
  static base::Result<std::unique_ptr<Database>> open(const std::string& path,
                                                      const DatabaseOptions& options,
                                                      bool* corrupt);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  base::Result<Statement> prepare(const char* sql);
  base::Status execute(const char* sql);
  /// The first column of the first row; 0 without a row.
  base::Result<std::int64_t> number(const char* sql);

  /// Runs `body` in a transaction that is committed if it succeeds and rolled
  /// back otherwise.
  base::Status transaction(const std::function<base::Status()>& body);

  /// From now on the file may grow by this many bytes: statements that need more fail with
  /// RESOURCE_EXHAUSTED, as on a full disk. None: no limit.
  base::Status limit_growth(std::optional<std::uint64_t> bytes);

  /// Whether a call has found that the file is damaged or no database.
  bool corrupt() const { return corrupt_; }
  /// Whether the last failed call has found that.
  bool last_was_corrupt() const { return last_was_corrupt_; }

  /// The only place where SQLite's codes become a Status. The text names the file.
  base::Status error(int code);

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  base::Status configure(const DatabaseOptions& options);

  const std::string path_;
  sqlite3* const handle_;
  bool corrupt_ = false;
  bool last_was_corrupt_ = false;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
};

}  // namespace dapr_mqtt::storage::sqlite
