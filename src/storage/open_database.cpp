#include "storage/open_database.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "storage/schema.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using DatabasePtr = std::unique_ptr<sqlite::Database>;

// Files up to this size are checked completely at start. Of larger ones only the rows' heads are
// read, when SqliteInbox loads them: Init must end within seconds.
constexpr std::uintmax_t kCheckedWhole = 64U << 20U;

/// Creates the file with permissions 0600. SQLite gives its other files the same permissions.
base::Status make_private_file(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.valid()) return {};
  return base::unavailable(base::quote(path, 512) + ": " + std::strerror(errno));
}

base::Status check(sqlite::Database& database, const std::string& path) {
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(path, ignored);
  if (ignored) return {};
  if (size > kCheckedWhole && !fs::exists(path + kSuspect, ignored)) return {};
  auto statement = database.prepare("PRAGMA quick_check(1)");
  if (!statement.ok()) return statement.status();
  const auto row = statement.value().step();
  if (!row.ok()) return row.status();
  if (row.value() && statement.value().bytes(0) == "ok") {
    fs::remove(path + kSuspect, ignored);
    return {};
  }
  return database.error(11);  // SQLITE_CORRUPT: the check found damage that no read has met
}

base::Result<DatabasePtr> try_open(const std::string& path, const sqlite::DatabaseOptions& options,
                                   bool& corrupt) {
  if (base::Status status = make_private_file(path); !status.ok()) return status;
  auto database = sqlite::Database::open(path, options, &corrupt);
  if (!database.ok()) return database.status();
  base::Status status = migrate(*database.value());
  if (status.ok()) status = check(*database.value(), path);
  corrupt = database.value()->corrupt();
  if (!status.ok()) return status;
  return database;
}

std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

base::Status rename_files(const std::string& path, const std::string& aside) {
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    fs::rename(path + suffix, aside + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return base::unavailable(base::quote(path, 512) + ": cannot be renamed: " + error.message());
    }
  }
  return {};
}

}  // namespace

base::Result<DatabasePtr> open_database(const std::string& path,
                                        const sqlite::DatabaseOptions& options,
                                        const base::Log& log) {
  bool corrupt = false;
  auto database = try_open(path, options, corrupt);
  if (database.ok() || !corrupt) return database;
  if (base::Status status = set_aside(path, database.status(), log); !status.ok()) return status;
  return try_open(path, options, corrupt);
}

void mark_suspect(const std::string& path) {
  const base::UniqueFd made(
      ::open((path + kSuspect).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

base::Status set_aside(const std::string& path, const base::Status& cause, const base::Log& log) {
  std::string aside = path + ".corrupt-" + utc_time();
  std::error_code ignored;
  for (int n = 2; fs::exists(aside, ignored); ++n) {
    aside = path + ".corrupt-" + utc_time() + "-" + std::to_string(n);
  }
  if (base::Status status = rename_files(path, aside); !status.ok()) {
    return status.with_context("the inbox is damaged (" + cause.message() +
                               ") and cannot be set aside");
  }
  fs::remove(path + kSuspect, ignored);
  log.error("the inbox is damaged: " + cause.message() + "; it is kept as " +
            base::quote(aside, 512) +
            ", and a new one is created; unhandled messages in the damaged one are not delivered "
            "(sqlite3's .recover may save them)");
  return {};
}

}  // namespace dapr_mqtt::storage
