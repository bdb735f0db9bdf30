#include "storage/former_inboxes.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "storage/open_database.h"
#include "storage/schema.h"
#include "storage/transfer.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using DatabasePtr = std::unique_ptr<sqlite::Database>;

/// Each change of a url leaves one former inbox, so there are few. A bound is needed since Init must
/// end within seconds.
constexpr std::size_t kMostFolders = 16;

/// How long to wait for a former inbox that is in use: when daprd reloads a Component, the instance
/// with the former url is just closing.
constexpr std::chrono::milliseconds kForClosing{1000};

struct Former {
  std::string path;
  InboxOwner owner;
};

std::vector<Former> find_former(const std::string& state_dir, const InboxFolder& own,
                                const InboxOwner& owner) {
  std::vector<Former> found;
  const std::string shown = shown_consumer_id(owner.consumer_id);
  std::error_code error;
  for (fs::directory_iterator it(state_dir, error), end; !error && it != end; it.increment(error)) {
    // The folder's name is cheap to check. Only for the few that match is the owner file read.
    const std::string path = it->path().string();
    if (shown_part(it->path().filename().native()) != shown || path == own.path()) continue;
    auto other = read_owner(path);
    if (other && owner.same_component(*other)) found.push_back({path, *std::move(other)});
    if (found.size() == kMostFolders) break;
  }
  std::sort(found.begin(), found.end(),
            [](const Former& a, const Former& b) { return a.path < b.path; });
  return found;
}

std::string name_of(const Former& former) {
  return "the inbox of this Component's former url (" + base::quote(former.owner.brokers) +
         ", in " + base::quote(former.path, 512) + ")";
}

base::Result<DatabasePtr> open_former(const std::string& path,
                                      const sqlite::DatabaseOptions& options) {
  bool corrupt = false;
  auto database = sqlite::Database::open(path, options, &corrupt);
  if (!database.ok()) return database.status();
  if (base::Status status = migrate(*database.value()); !status.ok()) return status;
  return database;
}

/// Whether it has no messages and no state of a session.
bool is_empty(sqlite::Database& database) {
  const auto rows = database.number(
      "SELECT EXISTS(SELECT 1 FROM messages) + EXISTS(SELECT 1 FROM packets)"
      " + EXISTS(SELECT 1 FROM subscriptions)");
  return rows.ok() && rows.value() == 0;
}

base::Result<Transfer::Result> transfer(sqlite::Database& from, DatabasePtr& own,
                                        const std::string& own_path,
                                        const FormerInboxesOptions& options,
                                        std::chrono::milliseconds time, const base::Log& log) {
  const auto messages = from.number("SELECT EXISTS(SELECT 1 FROM messages)");
  if (!messages.ok()) return messages.status();
  if (messages.value() == 0) return Transfer::Result{};
  if (!own) {
    auto opened = open_database(own_path, options.database, log);
    if (!opened.ok()) return opened.status();
    // SqliteInbox reads the same rows and sets a damaged database aside. Check first, so that no
    // message is moved into a damaged one.
    const auto sound = opened.value()->number("SELECT count(length(payload)) FROM messages");
    if (!sound.ok()) return sound.status();
    own = std::move(opened).value();
  }
  return Transfer(from, *own).run(time, options.messages_together);
}

}  // namespace

void bring_over_former_inboxes(const std::string& state_dir, const InboxFolder& own,
                               const InboxOwner& owner, const FormerInboxesOptions& options,
                               const base::Log& log) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + options.time;
  DatabasePtr to;
  for (const Former& former : find_former(state_dir, own, owner)) {
    const auto time_left = [&] {
      return std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    };
    auto folder = InboxFolder::claim_existing(former.path, std::min(kForClosing, time_left()));
    if (!folder) {
      log.info(name_of(former) + " is in use; its messages are moved here at the next start");
      continue;
    }
    bool empty = false;
    base::Result<Transfer::Result> result{Transfer::Result{}};
    {
      auto from = open_former(folder->database(), options.database);
      result = from.ok() ? transfer(*from.value(), to, own.database(), options, time_left(), log)
                         : base::Result<Transfer::Result>(from.status());
      empty = from.ok() && is_empty(*from.value());
    }
    folder->release(empty);
    if (!result.ok()) {
      log.warn("messages cannot be moved from " + name_of(former) + ": " +
               result.status().message() + "; they stay there, and the next start tries again");
      continue;
    }
    const auto [moved, left] = result.value();
    const std::string text =
        std::to_string(moved) + " message(s) were moved here from " + name_of(former);
    if (left > 0) {
      log.warn(text + "; " + std::to_string(left) +
               " more wait there and follow at the next start");
    } else if (moved > 0) {
      log.info(text);
    }
  }
}

}  // namespace dapr_mqtt::storage
