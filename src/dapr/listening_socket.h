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

/// A bound and listening socket that takes its file along when it goes.
/// Not thread-safe.
class ListeningSocket {
 public:
  /// Creates the folder when it is missing, and the socket with exactly `mode`:
  /// it has never been wider. What was at `path` before:
  ///  - a socket that a process serves: FAILED_PRECONDITION, names that process;
  ///  - a socket of a dead process: replaced, with a line in the log;
  ///  - anything else: FAILED_PRECONDITION, and it stays.
  /// Two processes that start at the same time are put in order by a lock on
  /// the folder itself; UNAVAILABLE when that is not free within five seconds.
  /// Other errors name the path and what the system said. Blocks for those five
  /// seconds at the most.
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

  /// Takes the file away if it is still ours: a process that replaced it keeps
  /// its own. Idempotent.
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
