// The Unix socket that daprd finds in its folder.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <utility>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// A bound and listening socket; its destructor removes the socket's file. Not thread-safe.
class ListeningSocket {
 public:
  /// Creates the folder when it is missing, and the socket with exactly `mode`: at no time is its
  /// mode wider. If there is something at `path` already:
  ///  - a socket that a process serves: FAILED_PRECONDITION, which names that process;
  ///  - a socket of a dead process: it is replaced, with a line in the log;
  ///  - anything else: FAILED_PRECONDITION, and it is left alone.
  /// A lock on the folder itself serialises processes that start at the same time; UNAVAILABLE when
  /// it is not free within five seconds. Other errors have the path and the system's message.
  /// Blocks for those five seconds at most.
  static base::Result<ListeningSocket> open(const std::string& path, mode_t mode,
                                            const base::Log& log);

  ListeningSocket(ListeningSocket&& other) noexcept
      : path_(std::exchange(other.path_, {})),
        fd_(std::move(other.fd_)),
        device_(other.device_),
        inode_(other.inode_) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket() { remove_file(); }

  /// Non-blocking.
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  /// Removes the socket's file if it is still ours, and not that of a process that replaced it.
  /// Idempotent.
  void remove_file();

 private:
  ListeningSocket(std::string path, base::UniqueFd fd, const struct stat& file)
      : path_(std::move(path)), fd_(std::move(fd)), device_(file.st_dev), inode_(file.st_ino) {}

  std::string path_;  // empty after a move or remove_file()
  base::UniqueFd fd_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace dapr_mqtt::dapr
