// Connections with blocking calls: each waits for the callback of the port.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::inspect {

/// An answer that is given once, on another thread. Copies share it.
template <typename T>
class Answer {
 public:
  void give(T value) const {
    base::MutexLock lock(state_->mutex);
    if (!state_->value) state_->value = std::move(value);
    state_->given.notify_all();
  }
  /// None when it was not given in time, or stop was requested first.
  std::optional<T> wait(std::chrono::milliseconds timeout, const std::stop_token& stop = {}) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const std::stop_callback wake(stop, [state = state_.get()] {
      base::MutexLock lock(state->mutex);
      state->given.notify_all();
    });
    base::MutexLock lock(state_->mutex);
    while (!state_->value && !stop.stop_requested() &&
           state_->given.wait_until(state_->mutex, deadline)) {
    }
    return state_->value;
  }

 private:
  struct State {
    base::Mutex mutex;
    base::CondVar given;
    std::optional<T> value DM_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// How a connection attempt ended: whether the broker had the session (session
/// present), or why there is no connection.
using Connected = base::Result<bool>;

/// The outcome of a connection's first attempt.
class ConnectOutcome final : public core::ConnectionListener {
 public:
  void on_broker_limits(const core::BrokerLimits& limits) override { limits_.give(limits); }
  void on_connected(const core::SessionFound& session) override { answer_.give(session.present); }
  void on_disconnected(const base::Status& cause, core::ConnectionEnd) override {
    answer_.give(cause);
  }
  Connected wait(std::chrono::milliseconds timeout, const std::stop_token& stop) const;
  /// To be called after wait(); none with MQTT 3.1.1.
  std::optional<core::BrokerLimits> limits() const {
    return limits_.wait(std::chrono::milliseconds(0));
  }

 private:
  Answer<core::BrokerLimits> limits_;
  Answer<Connected> answer_;
};

/// Keeps the last messages received, a bounded number.
class Received final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override;
  void commit_received() noexcept override {}
  /// The message with this payload; none when it has not come in time, or stop was requested first.
  std::optional<core::IncomingMessage> wait(const std::string& payload,
                                            std::chrono::milliseconds timeout,
                                            const std::stop_token& stop = {});
  /// Whether a retained message comes in time.
  bool wait_for_retained(std::chrono::milliseconds timeout);

 private:
  base::Mutex mutex_;
  base::CondVar arrived_;
  bool retained_came_ DM_GUARDED_BY(mutex_) = false;
  std::deque<core::IncomingMessage> messages_ DM_GUARDED_BY(mutex_);
};

/// A receiving connection. `stop` ends each wait at once, as if its timeout had passed.
class ConsumerLink {
 public:
  ConsumerLink(core::BrokerClientFactory& factory, const base::Log& log,
               core::ConnectionOptions options, std::stop_token stop = {});
  Connected connect(std::chrono::milliseconds timeout);
  base::Result<core::QoS> subscribe(const core::TopicFilter& filter, core::QoS qos,
                                    std::chrono::milliseconds timeout);
  void close(std::chrono::milliseconds timeout);
  std::optional<core::BrokerLimits> limits() const { return connect_outcome_.limits(); }
  Received& received() { return received_; }

 private:
  const std::stop_token stop_;
  ConnectOutcome connect_outcome_;
  Received received_;
  std::unique_ptr<core::BrokerConsumer> consumer_;  // last: it calls the others
};

class PublisherLink {
 public:
  PublisherLink(core::BrokerClientFactory& factory, const base::Log& log,
                core::ConnectionOptions options, std::stop_token stop = {});
  Connected connect(std::chrono::milliseconds timeout);
  base::Status publish(const core::OutgoingMessage& message, std::chrono::milliseconds timeout);
  std::optional<core::BrokerLimits> limits() const { return connect_outcome_.limits(); }

 private:
  const std::stop_token stop_;
  ConnectOutcome connect_outcome_;
  std::unique_ptr<core::BrokerPublisher> publisher_;
};

}  // namespace dapr_mqtt::inspect
