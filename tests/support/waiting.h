// Waiting for events with a deadline: no test sleeps, and none hangs.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::testing {

/// Long enough for sanitizers on a busy machine; only a failing test waits so long.
constexpr std::chrono::seconds kPatience{30};

/// Passes values from callbacks on other threads to the test. Thread-safe.
template <typename T>
class Channel {
 public:
  void push(T value) {
    base::MutexLock lock(mutex_);
    values_.push_back(std::move(value));
    cv_.notify_all();
  }
  /// The next value, or none when kPatience is over.
  std::optional<T> next(std::chrono::milliseconds patience = kPatience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    base::MutexLock lock(mutex_);
    while (values_.empty()) {
      if (!cv_.wait_until(mutex_, deadline) && values_.empty()) return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  std::size_t size() {
    base::MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  base::Mutex mutex_;
  base::CondVar cv_;
  std::deque<T> values_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::testing
