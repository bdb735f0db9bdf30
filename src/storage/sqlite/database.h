#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/statement.h"

struct sqlite3;

namespace dapr_mqtt::storage::sqlite {

struct DatabaseOptions {
  bool full_sync = false;     ///< each commit survives a power cut
  bool scratch = false;       ///< nothing of it is for after the process: never synced
  const char* vfs = nullptr;  ///< SQLite's name of another file layer: for tests
};

/// A connection to a database file, which it has for itself alone (exclusive
/// locking: no shared memory, no lock calls in each transaction), in WAL mode.
/// With Statement the only code that knows SQLite.
///
/// Used by one thread at a time. No method throws.
class Database {
 public:
  /// The file is made if it does not exist, readable by its owner only.
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

  /// Some call has found that the file is not what it was when it was written.
  bool corrupt() const { return corrupt_; }

  /// The one place where SQLite's codes become ours. The text names the file.
  base::Status error(int code);

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  base::Status configure(const DatabaseOptions& options);

  const std::string path_;
  sqlite3* const handle_;
  bool corrupt_ = false;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
};

}  // namespace dapr_mqtt::storage::sqlite
