#include "dapr_mqtt/storage/durable_inbox.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "storage/former_inboxes.h"
#include "storage/inbox_folder.h"
#include "storage/inbox_owner.h"
#include "storage/private_folder.h"
#include "storage/sqlite_inbox.h"
#include "storage/volume.h"

namespace dapr_mqtt::storage {

namespace {

/// The size of all files in the folder. Inboxes may go on using this space.
std::uint64_t size_of_files(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) bytes += it->file_size(ignored);
  }
  return bytes;
}

}  // namespace

core::InboxLimits fit_to_volume(core::InboxLimits limits, const std::string& state_dir,
                                const base::Log& log) {
  constexpr std::uint64_t kMiB = 1U << 20U;
  constexpr std::uint64_t kLeast = 64U << 10U;  // so that one message is always possible
  if (!make_private_folders(state_dir).ok()) return limits;
  const auto volume = size_of_volume(state_dir);
  if (!volume) return limits;
  const VolumeShare share(volume->total);
  const std::uint64_t files = share.room(volume->available + size_of_files(state_dir));
  const std::uint64_t most = std::max(kLeast, VolumeShare::countable(files));
  if (limits.max_bytes <= most) return limits;
  log.warn("the volume of " + base::quote(state_dir, 512) + " has " +
           std::to_string(volume->total / kMiB) + " MiB, " +
           std::to_string(volume->available / kMiB) + " MiB of them free: the inbox is full at " +
           std::to_string(most / kMiB) + " MiB of messages instead of " +
           std::to_string(limits.max_bytes / kMiB) + " (inboxMaxBytes), which needs " +
           std::to_string(VolumeShare::bytes_for(limits.max_bytes) / kMiB + 1) + " MiB free");
  limits.max_bytes = static_cast<std::size_t>(most);
  return limits;
}

base::Result<std::unique_ptr<core::DurableInbox>> open_durable_inbox(
    const DurableInboxOptions& options, const base::Log& log) {
  auto claimed = InboxFolder::claim(options.state_dir, options.identity, options.consumer_id);
  if (!claimed.ok()) return claimed.status();
  const auto folder = std::make_shared<InboxFolder>(std::move(claimed).value());
  SqliteInboxOptions sqlite;
  sqlite.limits = options.limits;
  sqlite.longest_wait = options.longest_wait;
  sqlite.database.full_sync = options.full_sync;
  const InboxOwner owner{options.component, options.consumer_id, options.brokers};
  if (base::Status status = write_owner(folder->path(), owner); !status.ok()) {
    log.warn(status.message() + "; the messages here would not be found after a change of url");
  }
  FormerInboxesOptions former;
  former.database = sqlite.database;
  former.time = options.time_for_former;
  bring_over_former_inboxes(options.state_dir, *folder, owner, former, log);
  auto inbox = SqliteInbox::open(folder->database(), sqlite, log,
                                 [folder](bool empty) { folder->release(empty); });
  if (!inbox.ok()) return inbox.status().with_context("the inbox cannot be opened");
  return std::unique_ptr<core::DurableInbox>(std::move(inbox).value());
}

}  // namespace dapr_mqtt::storage
