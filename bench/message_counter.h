// Counts messages, for one thread that waits for a number of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>

namespace dapr_mqtt::bench {

class MessageCounter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    if (++count_ >= wanted_) reached_.notify_all();
  }

  /// Throws std::runtime_error when they have not come in three minutes.
  void wait_for(long count) {
    constexpr std::chrono::minutes kPatience{3};
    if (wait_for(count, kPatience)) return;
    throw std::runtime_error(std::to_string(this->count()) + " of " + std::to_string(count) +
                             " messages came");
  }

  bool wait_for(long count, std::chrono::milliseconds within) {
    std::unique_lock lock(mutex_);
    wanted_ = count;
    return reached_.wait_for(lock, within, [&] { return count_ >= wanted_; });
  }

  long count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable reached_;
  long count_ = 0;
  long wanted_ = 1;
};

}  // namespace dapr_mqtt::bench
