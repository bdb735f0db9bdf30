// The broker ports in memory, scripted by the test: a request is answered only when
// the test says so, unless the fake is set to answer by itself.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::testing {

/// Not thread-safe: for tests on one thread.
class FakePublisher final : public core::BrokerPublisher {
 public:
  struct Sent {
    core::OutgoingMessage message;
    Completion done;
  };

  void open() override { opened = true; }
  void reconnect(base::Status cause) override { left.push_back(std::move(cause)); }
  void close(std::function<void()> closed) override {
    for (Sent& open_one : std::exchange(in_flight, {})) open_one.done(base::cancelled("closed"));
    is_closed = true;
    closed();
  }
  base::Status publish(const core::OutgoingMessage& message, Completion done) override {
    if (!refuse.ok()) return refuse;
    sent.push_back(message);
    in_flight.push_back({message, std::move(done)});
    return {};
  }
  std::size_t max_in_flight(core::QoS qos) const override {
    return qos == core::QoS::kExactlyOnce ? 2 : 4;
  }

  void answer(base::Status status = {}) {
    Sent first = std::move(in_flight.front());
    in_flight.pop_front();
    first.done(std::move(status));
  }
  void break_connection() {
    for (Sent& open_one : std::exchange(in_flight, {})) {
      open_one.done(base::unavailable("connection lost"));
    }
  }

  bool opened = false;
  bool is_closed = false;
  std::vector<base::Status> left;  ///< causes of reconnect()
  base::Status refuse;
  std::deque<Sent> in_flight;
  std::vector<core::OutgoingMessage> sent;
};

class FakeConsumer final : public core::BrokerConsumer {
 public:
  struct Request {
    std::string filter;
    core::SubscribeOptions options;
    Subscribed done;
  };

  void open() override { opened = true; }
  void reconnect(base::Status cause) override { left.push_back(std::move(cause)); }
  void close(std::function<void()> closed) override {
    is_closed = true;
    closed();
  }
  void subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                 Subscribed done) override {
    if (grant_all) {
      done(options.qos);
      granted.push_back(filter.str());
      return;
    }
    subscribes.push_back({filter.str(), options, std::move(done)});
  }
  void unsubscribe(const core::TopicFilter& filter, Unsubscribed done) override {
    unsubscribed.push_back(filter.str());
    if (!hold_unsubscribes) done({});
  }
  void suspend() override { suspended = true; }
  void resume() override { suspended = false; }

  /// Answers the oldest open SUBSCRIBE.
  void answer(base::Result<core::QoS> result) {
    Request first = std::move(subscribes.front());
    subscribes.pop_front();
    if (result.ok()) granted.push_back(first.filter);
    first.done(std::move(result));
  }
  void grant() { answer(subscribes.front().options.qos); }

  bool opened = false;
  bool is_closed = false;
  std::vector<base::Status> left;  ///< causes of reconnect()
  bool suspended = false;
  bool grant_all = false;
  bool hold_unsubscribes = false;  ///< no UNSUBACK comes
  std::deque<Request> subscribes;
  std::vector<std::string> granted;
  std::vector<std::string> unsubscribed;
};

}  // namespace dapr_mqtt::testing
