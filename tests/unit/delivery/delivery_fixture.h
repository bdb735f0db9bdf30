// Intake and dispatcher on a memory inbox in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "support/captured_log.h"
#include "support/manual_executor.h"
#include "support/receipts.h"

namespace dapr_mqtt::delivery {

inline core::TopicFilter filter(std::string_view text) {
  return core::TopicFilter::parse(text).value();
}

inline core::IncomingMessage message(std::string topic, std::string payload = "x",
                                     core::QoS qos = core::QoS::kAtLeastOnce) {
  core::IncomingMessage m;
  m.topic = std::move(topic);
  m.payload = std::move(payload);
  m.qos = qos;
  return m;
}

/// Records what it gets, and returns the result that the test has set.
class RecordingSubscriber final : public core::Subscriber {
 public:
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    if (refuse_payload && delivery.message->payload == *refuse_payload) {
      return core::DeliverResult::kTooLarge;
    }
    if (closed) return core::DeliverResult::kClosed;
    deliveries.push_back(delivery);
    return core::DeliverResult::kSent;
  }

  std::vector<std::string> payloads() const {
    std::vector<std::string> out;
    for (const auto& d : deliveries) out.push_back(d.message->payload);
    return out;
  }

  std::vector<core::Delivery> deliveries;
  std::optional<std::string> refuse_payload;
  bool closed = false;
};

struct DeliveryTest : ::testing::Test {
  using Payloads = std::vector<std::string>;

  testing::ManualExecutor executor;
  testing::ManualWallClock clock{executor};
  testing::CapturedLog log;
  core::Counters counters;
  core::InboxLimits limits;
  Policy policy;
  IntakeOptions options;
  RoutingTable table;
  std::optional<storage::MemoryInbox> inbox;
  std::optional<IntakeControl> control;
  std::optional<Dispatcher> dispatcher;
  std::optional<Intake> intake;
  std::unique_ptr<core::MessageSink> sink;  // of connection 0
  std::vector<std::string> events;          // from the hooks
  using Numbers = std::vector<std::uint64_t>;
  const std::shared_ptr<testing::Receipts> receipts = std::make_shared<testing::Receipts>();
  std::uint64_t last_receipt = 0;
  std::size_t last_given_up_attempt = 0;

  void start() {
    inbox.emplace(limits);
    DispatcherHooks hooks;
    hooks.given_up = [this](const GivenUp& g) {
      events.push_back("given up " + g.delivery.message->payload);
      last_given_up_attempt = g.delivery.attempt;
    };
    make_dispatcher(*inbox, std::move(hooks));
    options.limits = limits;
    make_intake();
  }
  void make_dispatcher(core::Inbox& its_inbox, DispatcherHooks hooks) {
    dispatcher.reset();
    IntakeHooks intake_hooks;
    intake_hooks.full = [this] { events.emplace_back("full"); };
    intake_hooks.resume = [this] { events.emplace_back("resume"); };
    control.emplace(true, executor, its_inbox, counters, base::Log(log, "pubsub"),
                    std::move(intake_hooks));
    dispatcher.emplace(policy, executor, clock, its_inbox, *control, counters,
                       base::Log(log, "pubsub"), std::move(hooks));
  }
  void make_intake() {
    intake.emplace(options, table, *inbox, dispatcher->arrivals(), executor, clock, counters,
                   base::Log(log, "pubsub"), nullptr);
    sink = intake->sink(0);
  }
  void TearDown() override {
    sink.reset();
    intake.reset();
    dispatcher.reset();
    control.reset();
    executor.run();  // tasks that are still posted do nothing
  }

  std::shared_ptr<RecordingSubscriber> subscriber() {
    return std::make_shared<RecordingSubscriber>();
  }
  void receive(std::string topic, std::string payload, core::QoS qos = core::QoS::kAtLeastOnce) {
    core::IncomingMessage m = message(std::move(topic), std::move(payload), qos);
    if (qos != core::QoS::kAtMostOnce) m.receipt = receipt();
    EXPECT_TRUE(sink->on_message(std::move(m)));
  }
  /// The next receipt; they are numbered from 1.
  core::Receipt receipt() { return {receipts, ++last_receipt}; }
  /// Answers the stream's n-th delivery.
  void ack(StreamId stream, const RecordingSubscriber& s, std::size_t n) {
    dispatcher->acknowledge(stream, s.deliveries.at(n).id, std::nullopt);
  }
  void fail(StreamId stream, const RecordingSubscriber& s, std::size_t n,
            std::string error = "no") {
    dispatcher->acknowledge(stream, s.deliveries.at(n).id, std::move(error));
  }
  /// Answers that daprd has not reached the app with it.
  void miss(StreamId stream, const RecordingSubscriber& s, std::size_t n,
            core::DeliveryError::Kind kind = core::DeliveryError::Kind::kUnreachable) {
    dispatcher->acknowledge(stream, s.deliveries.at(n).id,
                            core::DeliveryError("connection refused", kind));
  }
};

}  // namespace dapr_mqtt::delivery
