#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::mqtt {

/// Ends the poll() of another thread. Thread-safe. A wake() before the poll() ends that poll().
///
/// A thread may call awake() when it works and sleep() when it is going to wait; then wake() needs
/// no system call while that thread works.
class Waker {
 public:
  Waker() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void wake() {
    missed_ = true;
    if (!asleep_) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t size = ::write(event_.get(), &one, sizeof one);
  }
  void awake() { asleep_ = false; }
  /// Whether the thread waits, or is going to.
  bool asleep() const { return asleep_; }
  /// False: there was a wake() since the last call, so the thread should not wait.
  bool sleep() {
    asleep_ = true;
    return !missed_.exchange(false);
  }
  /// Readable from wake() until drain().
  int fd() const { return event_.get(); }
  void drain() {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t size = ::read(event_.get(), &ignored, sizeof ignored);
  }

 private:
  base::UniqueFd event_;
  std::atomic<bool> asleep_{true};
  std::atomic<bool> missed_{false};
};

}  // namespace dapr_mqtt::mqtt
