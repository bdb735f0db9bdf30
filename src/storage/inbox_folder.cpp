#include "storage/inbox_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"
#include "storage/event_id_records.h"
#include "storage/private_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "/lock";
constexpr std::size_t kShownBytes = 64;  // of the consumerID, in the folder's name

std::string name_of(std::string_view consumer_id, std::string_view identity) {
  return shown_consumer_id(consumer_id) + "-" + base::stable_hash(identity);
}

base::Status needs_folder(const base::Status& status) {
  return status.with_context(
      "the inbox of a persistent session (cleanSession false) needs a folder");
}

/// Another process may hold the lock for some milliseconds (claim_existing); claim() waits for that.
constexpr std::chrono::milliseconds kPatience{500};

/// False, with errno: EWOULDBLOCK when another process had the lock all the time.
bool lock_within(int fd, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPause{20};
  const auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kPause);  // flock has no timeout
  }
  return true;
}

/// Whether `fd` is still the file at `path`: an owner may remove the file when it releases it.
bool still_there(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

std::string shown_consumer_id(std::string_view consumer_id) {
  std::string shown;
  for (const char c : consumer_id.substr(0, kShownBytes)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    shown += plain ? c : '_';
  }
  return shown;
}

std::string_view shown_part(std::string_view folder_name) {
  constexpr std::size_t kHash = 17;  // with its "-"
  if (folder_name.size() < kHash) return {};
  const std::string_view hash = folder_name.substr(folder_name.size() - kHash);
  if (hash.front() != '-' || hash.find_first_not_of("0123456789abcdef", 1) != hash.npos) return {};
  return folder_name.substr(0, folder_name.size() - kHash);
}

base::Result<InboxFolder> InboxFolder::claim(const std::string& state_dir,
                                             const std::string& identity,
                                             const std::string& consumer_id) {
  InboxFolder folder;
  folder.path_ = state_dir + "/" + name_of(consumer_id, identity);
  const std::string lock = folder.path_ + kLock;
  constexpr int kTries = 10;  // each failed try is a race against an owner that removes the folder
  for (int n = 0; n < kTries; ++n) {
    if (base::Status status = make_private_folders(folder.path_); !status.ok()) {
      return needs_folder(status);
    }
    folder.lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!folder.lock_.valid()) {
      if (errno == ENOENT) continue;
      return needs_folder(folder_error("write into", folder.path_, errno));
    }
    if (!lock_within(folder.lock_.get(), kPatience)) {
      if (errno != EWOULDBLOCK) return needs_folder(folder_error("lock", lock, errno));
      return base::failed_precondition(
          "consumerID " + base::quote(consumer_id) + ": another process has the inbox in " +
          base::quote(folder.path_, 512) +
          "; give each replica a consumerID of its own ({uuid} or {podName} in it), or another "
          "--state-dir");
    }
    if (!still_there(folder.lock_.get(), lock)) continue;
    folder.touch();
    return folder;
  }
  return base::unavailable(base::quote(folder.path_, 512) +
                           ": other processes create and remove it; try again");
}

std::optional<InboxFolder> InboxFolder::claim_existing(const std::string& path,
                                                       std::chrono::milliseconds patience) {
  InboxFolder folder;
  folder.path_ = path;
  std::error_code ignored;
  if (!fs::is_regular_file(folder.database(), ignored)) return std::nullopt;
  const std::string lock = path + kLock;
  folder.lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!folder.lock_.valid() || !lock_within(folder.lock_.get(), patience) ||
      !still_there(folder.lock_.get(), lock)) {
    return std::nullopt;
  }
  if (fs::is_regular_file(folder.database(), ignored)) return folder;
  folder.release(true);  // the inbox was removed meanwhile: removes the lock file made above
  return std::nullopt;
}

void InboxFolder::release(bool empty) {
  if (empty && lock_.valid()) {
    // While the lock is held. A process that waits for the lock then sees that the file is gone.
    for (const char* file : {"/inbox.db", "/inbox.db-wal", "/inbox.db-shm", "/inbox.db-suspect",
                             "/owner", "/owner.new"}) {
      ::unlink((path_ + file).c_str());
    }
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(path_, ignored)) {
      if (entry.path().filename().string().starts_with(EventIdFolder::kPrefix)) {
        ::unlink(entry.path().c_str());
      }
    }
    const bool alone = std::distance(fs::directory_iterator(path_, ignored), {}) <= 1;
    if (alone) {
      ::unlink((path_ + kLock).c_str());
      ::rmdir(path_.c_str());
    }
  } else if (lock_.valid() && used_) {
    touch();
  }
  lock_.reset();
}

void InboxFolder::touch() {
  used_ = true;
  static_cast<void>(::futimens(lock_.get(), nullptr));  // sets its time to now
}

}  // namespace dapr_mqtt::storage
