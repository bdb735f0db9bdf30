// How many messages the load has received, for one thread that waits for a number of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>

namespace dapr_mqtt::bench {

class MessageCounter {
 public:
  /// `count` in all, the last of them `at` nanoseconds since 1970.
  void set(long count, std::int64_t at) {
    const std::lock_guard lock(mutex_);
    count_ = count;
    at_ = at;
    if (count_ >= wanted_) reached_.notify_all();
  }

  /// When the last of them came. Throws std::runtime_error when they have not come in
  /// three minutes.
  std::chrono::system_clock::time_point wait_for(long count) {
    constexpr std::chrono::minutes kPatience{3};
    if (!wait_for(count, kPatience)) {
      throw std::runtime_error(std::to_string(this->count()) + " of " + std::to_string(count) +
                               " messages came");
    }
    const std::lock_guard lock(mutex_);
    return std::chrono::system_clock::time_point(std::chrono::nanoseconds(at_));
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
  std::int64_t at_ = 0;
  long wanted_ = 1;
};

}  // namespace dapr_mqtt::bench
