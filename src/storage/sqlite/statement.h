#pragma once

#include <cstdint>
#include <string_view>

#include "dapr_mqtt/base/status.h"

struct sqlite3_stmt;

namespace dapr_mqtt::storage::sqlite {

class Database;

/// A prepared statement. Used by one thread at a time; must be destroyed before its Database.
///
/// Numbers are those of SQLite: parameters from 1, columns from 0. Data bound by a view must live
/// until reset(). Views of columns are valid until the next step() or reset().
class Statement {
 public:
  Statement() = default;
  Statement(Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind_text(int parameter, std::string_view value);
  Statement& bind_blob(int parameter, std::string_view value);
  Statement& bind_null(int parameter);

  /// True: a row is there.
  base::Result<bool> step();
  /// Steps to the end, ignoring rows, and resets.
  base::Status run();
  void reset();

  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  ///< of a text or blob
  bool is_null(int column) const;

 private:
  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  int bind_error_ = 0;
};

}  // namespace dapr_mqtt::storage::sqlite
