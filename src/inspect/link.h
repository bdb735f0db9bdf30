// A connection to wait on: what the ports tell through callbacks, as answers.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::inspect {

/// An answer that comes once, on another thread. Copies share it.
template <typename T>
class Answer {
 public:
  void give(T value) const {
    base::MutexLock lock(state_->mutex);
    if (!state_->value) state_->value = std::move(value);
    state_->come.notify_all();
  }
  /// None when it has not come in time.
  std::optional<T> wait(std::chrono::milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    base::MutexLock lock(state_->mutex);
    while (!state_->value && state_->come.wait_until(state_->mutex, deadline)) {
    }
    return state_->value;
  }

 private:
  struct State {
    base::Mutex mutex;
    base::CondVar come;
    std::optional<T> value DM_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// How a connection attempt ended: whether the session was there before, or why
/// there is none.
using Connected = base::Result<bool>;

/// The first thing that a connection tells.
class FirstWord final : public core::ConnectionListener {
 public:
  void on_broker_limits(const core::BrokerLimits& limits) override { limits_.give(limits); }
  void on_connected(bool session_present) override { answer_.give(session_present); }
  void on_disconnected(const base::Status& cause) override { answer_.give(cause); }
  Connected wait(std::chrono::milliseconds timeout) const;
  /// After it; none with MQTT 3.1.1.
  std::optional<core::BrokerLimits> limits() const {
    return limits_.wait(std::chrono::milliseconds(0));
  }

 private:
  Answer<core::BrokerLimits> limits_;
  Answer<Connected> answer_;
};

/// Keeps what comes in, so much and no more.
class Received final : public core::MessageSink {
 public:
  void on_message(core::IncomingMessage message) noexcept override;
  bool secure() noexcept override { return true; }
  /// The message with this payload; none when it has not come in time.
  std::optional<core::IncomingMessage> wait(const std::string& payload,
                                            std::chrono::milliseconds timeout);

 private:
  base::Mutex mutex_;
  base::CondVar come_;
  std::deque<core::IncomingMessage> messages_ DM_GUARDED_BY(mutex_);
};

/// A consumer that has connected, or why it has not.
class ConsumerLink {
 public:
  ConsumerLink(core::BrokerClientFactory& factory, const base::Log& log,
               core::ConnectionOptions options);
  Connected connect(std::chrono::milliseconds timeout);
  base::Result<core::QoS> subscribe(const core::TopicFilter& filter, core::QoS qos,
                                    std::chrono::milliseconds timeout);
  void close(std::chrono::milliseconds timeout);
  std::optional<core::BrokerLimits> limits() const { return first_word_.limits(); }
  Received& received() { return received_; }

 private:
  FirstWord first_word_;
  Received received_;
  std::unique_ptr<core::BrokerConsumer> consumer_;  // last: it calls the others
};

class PublisherLink {
 public:
  PublisherLink(core::BrokerClientFactory& factory, const base::Log& log,
                core::ConnectionOptions options);
  Connected connect(std::chrono::milliseconds timeout);
  base::Status publish(const core::OutgoingMessage& message, std::chrono::milliseconds timeout);
  std::optional<core::BrokerLimits> limits() const { return first_word_.limits(); }

 private:
  FirstWord first_word_;
  std::unique_ptr<core::BrokerPublisher> publisher_;
};

}  // namespace dapr_mqtt::inspect
