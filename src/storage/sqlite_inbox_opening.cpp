// The part of SqliteInbox that opens and loads the file.
#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "storage/message_ids.h"
#include "storage/open_database.h"
#include "storage/private_folder.h"
#include "storage/sqlite_inbox.h"

namespace dapr_mqtt::storage {
base::Result<std::unique_ptr<SqliteInbox>> SqliteInbox::open(const std::string& path,
                                                             const SqliteInboxOptions& options,
                                                             base::Log log, Closed closed) {
  bool corrupt = false;
  auto inbox = try_open(path, options, log, closed, corrupt);
  // open_database() does not check large files completely: their damage is found while loading.
  if (inbox.ok() || !corrupt) return inbox;
  if (base::Status status = set_aside(path, inbox.status(), log); !status.ok()) return status;
  return try_open(path, options, log, closed, corrupt);
}

base::Result<std::unique_ptr<SqliteInbox>> SqliteInbox::try_open(const std::string& path,
                                                                 const SqliteInboxOptions& options,
                                                                 const base::Log& log,
                                                                 const Closed& closed,
                                                                 bool& corrupt) {
  SqliteInboxOptions fitting = options;
  std::optional<VolumeShare> share;
  if (const auto volume = size_of_volume(folder_of(path))) {
    share.emplace(volume->total);
    fitting.database.log_bytes = std::min(fitting.database.log_bytes, share->log_bytes());
  }
  auto database = open_database(path, fitting.database, log);
  if (!database.ok()) return database.status();
  std::unique_ptr<SqliteInbox> inbox(new SqliteInbox(path, options, log, closed));
  base::MutexLock disk(inbox->file_.mutex);
  inbox->share_ = share;
  const base::Status loaded = inbox->load(std::move(database).value());
  if (loaded.ok()) return inbox;
  corrupt = inbox->file_.database->corrupt();
  // So that the destructor writes nothing and does not call `closed`.
  inbox->file_.database.reset();
  return loaded;
}

base::Status SqliteInbox::load(std::unique_ptr<sqlite::Database> database) {
  // Kept on failure too: try_open() asks whether it is corrupt.
  file_.database = std::move(database);
  auto table = MessageTable::make(*file_.database);
  if (!table.ok()) return table.status();
  static_cast<void>(table.value()->free_room());  // later writes report a full disk
  const base::ClockReading time = options_.clocks();
  if (base::Status status = file_.clock.load(*file_.database, time); !status.ok()) return status;
  const auto renumbered = renumber_damaged(*file_.database);
  if (!renumbered.ok()) return renumbered.status();
  if (renumbered.value() > 0) {
    log_.warn(std::to_string(renumbered.value()) + " message(s) in " + base::quote(path_, 512) +
              " had damaged numbers: they come after the others");
  }
  const auto ids = ids_used(*file_.database);
  if (!ids.ok()) return ids.status();
  base::MutexLock lock(mutex_);
  ids_reserved_ = static_cast<core::InboxId>(ids.value());
  index_.skip_ids(ids_reserved_);
  base::Status loaded =
      table.value()->load([this, &time](const StoredMessage& stored) DM_NO_THREAD_SAFETY_ANALYSIS {
        IndexItem item;
        item.bytes = stored.bytes;
        // Even if the clock was wrong, no message waits longer than longest_wait from now.
        item.due =
            std::min(file_.clock.from_file(stored.state.due), time.steady + options_.longest_wait);
        item.received = std::min(file_.clock.from_file(stored.received), time.steady);
        item.failures = stored.state.failures;
        item.qos = stored.qos;
        item.evictable = stored.state.evictable;
        if (stored.state.queue == kUnclaimed) {
          item.topic = std::make_unique<const std::string>(stored.topic);
        }
        index_.restore(stored.id, stored.state.queue, std::move(item));
      });
  if (!loaded.ok()) return loaded;
  auto session = SessionTable::make(*file_.database);
  if (!session.ok()) return session.status();
  const auto left_out = file_.session.load(*session.value());
  if (!left_out.ok()) return left_out.status();
  if (left_out.value() > 0) {
    log_.warn(std::to_string(left_out.value()) + " row(s) of the MQTT session in " +
              base::quote(path_, 512) + " are damaged and are ignored");
  }
  event_ids_.load();
  file_.messages = std::move(table).value();
  file_.session_rows = std::move(session).value();
  return {};
}

}  // namespace dapr_mqtt::storage
