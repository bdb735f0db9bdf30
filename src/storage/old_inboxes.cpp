#include "dapr_mqtt/storage/old_inboxes.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <system_error>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/base/uuid.h"
#include "storage/inbox_folder.h"
#include "storage/inbox_owner.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatabaseFiles[] = {"/inbox.db", "/inbox.db-wal"};

struct Old {
  std::string path;
  bool random = false;
};

std::optional<fs::file_time_type> last_use(const std::string& folder) {
  std::optional<fs::file_time_type> last;
  for (const char* file : {"/inbox.db", "/inbox.db-wal", "/lock"}) {
    std::error_code error;
    const auto time = fs::last_write_time(folder + file, error);
    if (!error && (!last || *last < time)) last = time;
  }
  return last;
}

std::vector<Old> find_old(const OldInboxesOptions& options) {
  std::vector<Old> found;
  const auto before = fs::file_time_type::clock::now() - options.age;
  std::error_code error;
  for (fs::directory_iterator it(options.state_dir, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string_view consumer_id = shown_part(name);
    if (consumer_id.empty()) continue;
    const std::string path = it->path().string();
    const auto used = last_use(path);
    if (used && *used < before) found.push_back({path, base::contains_uuid(consumer_id)});
  }
  return found;
}

/// The sums over all old inboxes with messages, and the path of one of them.
struct Contents {
  std::size_t inboxes = 0;
  std::size_t messages = 0;
  std::uintmax_t bytes = 0;
  std::string example;
};

/// None when it cannot be read: then it counts as an inbox with an unknown number of messages.
std::optional<std::size_t> count_messages(const std::string& path) {
  bool corrupt = false;
  const auto database = sqlite::Database::open(path, {}, &corrupt);
  if (!database.ok()) return std::nullopt;
  // A process that was killed early may not have created its tables.
  const auto tables = database.value()->number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return std::nullopt;
  if (tables.value() == 0) return 0;
  const auto count = database.value()->number("SELECT count(*) FROM messages");
  if (!count.ok()) return std::nullopt;
  return static_cast<std::size_t>(count.value());
}

std::uintmax_t size_of(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const char* file : kDatabaseFiles) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(folder + file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

void inspect(const Old& old, Contents& all) {
  auto folder = InboxFolder::claim_existing(old.path);
  if (!folder) return;  // in use after all
  const std::uintmax_t bytes = size_of(old.path);
  std::error_code ignored;
  const auto used = fs::last_write_time(folder->database(), ignored);
  const auto messages = count_messages(folder->database());
  const bool empty = messages && *messages == 0;
  if (!empty) {
    ++all.inboxes;
    all.messages += messages.value_or(0);
    all.bytes += bytes;
    if (all.example.empty()) all.example = old.path;
    // Opening the database may have copied its log into it and so changed its time of last use.
    if (!ignored) fs::last_write_time(folder->database(), used, ignored);
  }
  // No later start uses a random consumerID again, so the state of its session is useless too.
  folder->release(empty && old.random);
}

std::string size_text(std::uintmax_t bytes) {
  constexpr std::uintmax_t kMiB = 1U << 20U;
  return bytes < kMiB ? std::to_string((bytes + 1023) / 1024) + " KiB"
                      : std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

std::string whose(const std::string& folder) {
  const auto owner = read_owner(folder);
  if (!owner) return "";
  return " (consumerID " + base::quote(owner->consumer_id) + ", Component " +
         base::quote(owner->component) + ", url " + base::quote(owner->brokers) + ")";
}

}  // namespace

void check_old_inboxes(const OldInboxesOptions& options, const base::Log& log) {
  std::vector<Old> old = find_old(options);
  // Shuffled, since only some are opened: the first ones must not hide the others for ever.
  std::shuffle(old.begin(), old.end(), std::minstd_rand(std::random_device{}()));
  const auto until = std::chrono::steady_clock::now() + options.time;
  Contents all;
  std::size_t opened = 0;
  for (; opened < old.size() && opened < options.most_opened; ++opened) {
    if (opened > 0 && std::chrono::steady_clock::now() >= until) break;
    inspect(old[opened], all);
  }
  if (all.inboxes == 0) return;
  const std::size_t unread = old.size() - opened;
  log.warn(std::to_string(all.inboxes) + " inbox(es) in " + base::quote(options.state_dir, 512) +
           " hold " + std::to_string(all.messages) + " message(s) (" + size_text(all.bytes) +
           "), and no Component has used them for " + std::to_string(options.age.count() / 24) +
           " days" + (unread > 0 ? "; " + std::to_string(unread) + " more were not checked" : "") +
           ". One is " + base::quote(all.example, 512) + whose(all.example) +
           ". To have its messages delivered, start a Component with that consumerID and url; if "
           "nobody needs them, remove the folder. With cleanSession false use a consumerID that "
           "stays, without {uuid}");
}

}  // namespace dapr_mqtt::storage
