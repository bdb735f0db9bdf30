#include "storage/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "dapr_mqtt/base/unique_fd.h"
#include "storage/private_folder.h"
#include "storage/schema.h"

namespace dapr_mqtt::storage {
namespace {

/// How many messages are deleted in one transaction.
constexpr std::size_t kErasedTogether = 64;

}  // namespace

base::Status SpillFile::open() {
  if (database_) return {};
  if (base::Status status = make_private_folders(folder_); !status.ok()) return status;
  std::string path = folder_ + "/spill-XXXXXX";
  const base::UniqueFd made(::mkostemp(path.data(), O_CLOEXEC));  // 0600
  if (!made.valid()) return folder_error("write into", folder_, errno);
  sqlite::DatabaseOptions options;
  options.scratch = true;
  bool corrupt = false;
  auto database = sqlite::Database::open(path, options, &corrupt);
  base::Status status = database.status();
  if (status.ok()) status = migrate(*database.value());  // creates the log's file too
  for (const char* suffix : {"", "-wal"}) ::unlink((path + suffix).c_str());
  if (!status.ok()) return status;
  auto table = MessageTable::make(*database.value());
  if (!table.ok()) return table.status();
  database_ = std::move(database).value();
  table_ = std::move(table).value();
  return {};
}

base::Status SpillFile::write(core::InboxId id, const core::IncomingMessage& message) {
  base::MutexLock lock(mutex_);
  if (base::Status status = open(); !status.ok()) return status;
  base::Status status = table_->insert(id, {.arrived = message.arrival()}, message);
  if (status.ok()) {
    ++messages_;
  } else if (messages_ == 0) {
    table_.reset();  // the next write tries with another file
    database_.reset();
  }
  return status;
}

base::Result<std::optional<core::IncomingMessage>> SpillFile::read(core::InboxId id) {
  base::MutexLock lock(mutex_);
  if (!table_) return std::optional<core::IncomingMessage>();
  return table_->read(id);
}

void SpillFile::erase(core::InboxId id) {
  base::MutexLock lock(mutex_);
  to_erase_.push_back(id);
  --messages_;
  if (messages_ == 0) {
    to_erase_.clear();
    table_.reset();
    database_.reset();  // frees the file too
  } else if (to_erase_.size() >= kErasedTogether) {
    erase_now();
  }
}

void SpillFile::erase_now() {
  const base::Status status = database_->transaction([this]() DM_NO_THREAD_SAFETY_ANALYSIS {
    for (const core::InboxId id : to_erase_) {
      if (base::Status failed = table_->erase(id); !failed.ok()) return failed;
    }
    return base::Status();
  });
  // Even deleting may fail on a full disk: then they are deleted with the next ones, or with the
  // file.
  if (status.ok()) to_erase_.clear();
}

}  // namespace dapr_mqtt::storage
