// The events of a broker connection, stored for tests to wait for.
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

/// Long enough for a loaded machine; a test that passes never waits so long.
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
  /// The next value; none when it does not come in time.
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
  void on_connected(const core::SessionFound& session) override {
    found.set(session);
    connected.set(session.present);
  }
  void on_disconnected(const base::Status& cause, core::ConnectionEnd end) override {
    ends.set(end);
    disconnected.set(cause);
  }

  Awaited<core::BrokerLimits> limits;  // in front of `connected`
  Awaited<core::SessionFound> found;   // in front of `connected`
  Awaited<bool> connected;
  Awaited<core::ConnectionEnd> ends;  // in front of `disconnected`
  Awaited<base::Status> disconnected;
};

class RecordingSink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override {
    message.receipt.give();
    messages.set(std::move(message));
    return true;
  }
  void commit_received() noexcept override {}

  Awaited<core::IncomingMessage> messages;
};

}  // namespace dapr_mqtt::testing
