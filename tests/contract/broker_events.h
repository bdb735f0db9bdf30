// What a broker connection says, kept for tests to wait for.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::testing {

/// Long enough for a loaded machine; nothing waits so long when all is well.
inline constexpr std::chrono::seconds kPatience{60};

/// A value that another thread will set.
template <typename T>
class Awaited {
 public:
  void set(T value) {
    base::MutexLock lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  /// The next value; none when patience ends first.
  std::optional<T> next(std::chrono::milliseconds within = kPatience) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    base::MutexLock lock(mutex_);
    while (values_.empty()) {
      if (!changed_.wait_until(mutex_, deadline) && values_.empty()) return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  std::size_t size() const {
    base::MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<T> values_ DM_GUARDED_BY(mutex_);
};

class RecordingListener final : public core::ConnectionListener {
 public:
  void on_broker_limits(const core::BrokerLimits& said) override { limits.set(said); }
  void on_connected(bool session_present) override { connected.set(session_present); }
  void on_disconnected(const base::Status& cause) override { disconnected.set(cause); }

  Awaited<core::BrokerLimits> limits;  // in front of `connected`
  Awaited<bool> connected;
  Awaited<base::Status> disconnected;
};

class RecordingSink final : public core::MessageSink {
 public:
  void on_message(core::IncomingMessage message) noexcept override {
    messages.set(std::move(message));
  }
  bool secure() noexcept override { return true; }

  Awaited<core::IncomingMessage> messages;
};

}  // namespace dapr_mqtt::testing
