#include "storage/inbox_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "dapr_mqtt/base/text.h"
#include "storage/private_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "/lock";
constexpr std::size_t kShownBytes = 64;  // of the consumerID, in the folder's name

/// FNV-1a, 64 bits: names that differ must not meet by accident.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(hash >> shift) & 0xfU];
  return out;
}

std::string name_of(std::string_view consumer_id, std::string_view identity) {
  std::string name;
  for (const char c : consumer_id.substr(0, kShownBytes)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_';
    name += plain ? c : '_';
  }
  return name + "-" + hash_of(identity);
}

base::Status needs_folder(const base::Status& status) {
  return status.with_context("the inbox of a persistent session (cleanSession false) needs a folder");
}

/// True when `fd` is still the file at `path`: an owner that leaves removes it.
bool still_there(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

base::Result<InboxFolder> InboxFolder::claim(const std::string& state_dir,
                                             const std::string& identity,
                                             const std::string& consumer_id) {
  InboxFolder folder;
  folder.path_ = state_dir + "/" + name_of(consumer_id, identity);
  const std::string lock = folder.path_ + kLock;
  constexpr int kTries = 10;  // each is a race lost against one that left
  for (int n = 0; n < kTries; ++n) {
    if (base::Status status = make_private_folders(folder.path_); !status.ok()) {
      return needs_folder(status);
    }
    folder.lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!folder.lock_.valid()) {
      if (errno == ENOENT) continue;
      return needs_folder(folder_error("write into", folder.path_, errno));
    }
    if (::flock(folder.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return needs_folder(folder_error("lock", lock, errno));
      return base::failed_precondition(
          "consumerID " + base::quote(consumer_id) + ": another process has the inbox in " +
          base::quote(folder.path_, 512) +
          "; give each replica a consumerID of its own ({uuid} or {podName} in it), or another "
          "--state-dir");
    }
    if (still_there(folder.lock_.get(), lock)) return folder;
  }
  return base::unavailable(base::quote(folder.path_, 512) + ": comes and goes; try again");
}

void InboxFolder::leave(bool empty) {
  if (empty && lock_.valid()) {
    // While it is ours. Who waits for the lock sees that its file has gone.
    for (const char* file : {"/inbox.db", "/inbox.db-wal", "/inbox.db-shm"}) {
      ::unlink((path_ + file).c_str());
    }
    std::error_code ignored;
    const bool alone = std::distance(fs::directory_iterator(path_, ignored), {}) <= 1;
    if (alone) {
      ::unlink((path_ + kLock).c_str());
      ::rmdir(path_.c_str());
    }
  }
  lock_.reset();
}

}  // namespace dapr_mqtt::storage
