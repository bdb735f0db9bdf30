#include "dapr/socket_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

constexpr mode_t kFolderMode = 0755;
constexpr std::chrono::seconds kLockTimeout{5};
/// The lock is held for well under a millisecond; flock() has no timeout, so it is retried.
constexpr std::chrono::milliseconds kLockRetry{10};

bool is_folder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::string system_error_text(const std::string& what, const std::string& path, int error) {
  return what + " " + base::quote(path) + ": " + std::generic_category().message(error);
}

base::Status make_socket_folder(const std::string& folder) {
  if (is_folder(folder)) return {};
  const std::size_t slash = folder.find_last_of('/');
  if (slash != std::string::npos && slash != 0) {
    if (base::Status status = make_socket_folder(folder.substr(0, slash)); !status.ok()) {
      return status;
    }
  }
  if (::mkdir(folder.c_str(), kFolderMode) != 0) {
    if (errno == EEXIST && is_folder(folder)) return {};  // another was faster
    return base::failed_precondition(system_error_text("cannot create folder", folder, errno));
  }
  if (::chmod(folder.c_str(), kFolderMode) != 0) {
    return base::failed_precondition(system_error_text("cannot set the mode of", folder, errno));
  }
  return {};
}

base::Result<base::UniqueFd> lock_folder(const std::string& folder) {
  base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return base::failed_precondition(system_error_text("cannot open folder", folder, errno));
  }
  const auto deadline = std::chrono::steady_clock::now() + kLockTimeout;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return base::failed_precondition(system_error_text("cannot lock folder", folder, errno));
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return base::unavailable("folder " + base::quote(folder) +
                               " has been locked by another process for five seconds");
    }
    std::this_thread::sleep_for(kLockRetry);
  }
  return fd;
}

}  // namespace dapr_mqtt::dapr
