#include "dapr_mqtt/storage/durable_inbox.h"

#include <utility>

#include "storage/inbox_folder.h"
#include "storage/sqlite_inbox.h"

namespace dapr_mqtt::storage {

base::Result<std::unique_ptr<core::DurableInbox>> open_durable_inbox(
    const DurableInboxOptions& options, const base::Log& log) {
  auto claimed = InboxFolder::claim(options.state_dir, options.identity, options.consumer_id);
  if (!claimed.ok()) return claimed.status();
  const auto folder = std::make_shared<InboxFolder>(std::move(claimed).value());
  SqliteInboxOptions sqlite;
  sqlite.limits = options.limits;
  sqlite.database.full_sync = options.full_sync;
  auto inbox = SqliteInbox::open(folder->database(), sqlite, log,
                                 [folder](bool empty) { folder->leave(empty); });
  if (!inbox.ok()) return inbox.status().with_context("the inbox cannot be opened");
  return std::unique_ptr<core::DurableInbox>(std::move(inbox).value());
}

}  // namespace dapr_mqtt::storage
