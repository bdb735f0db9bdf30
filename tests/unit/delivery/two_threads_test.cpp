// Intake on one thread, acknowledgements on another, and the dispatcher on one of these or on the
// worker's thread, as in the running process.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "dapr_mqtt/base/batch.h"
#include "dapr_mqtt/base/worker.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

constexpr std::size_t kMessages = 3000;
constexpr auto kDeadline = std::chrono::seconds(30);

/// Answers each delivery on its own thread, which enters the worker. Every fifth message first gets
/// an error.
class AnsweringSubscriber final : public core::Subscriber {
 public:
  explicit AnsweringSubscriber(base::Worker& worker) : worker_(worker) {}

  core::DeliverResult deliver(const core::Delivery& delivery) override {
    const bool fails = delivery.id % 5 == 0 && delivery.attempt == 1;
    answers_.post([this, id = delivery.id, fails] {
      worker_.enter([this, id, fails] {
        dispatcher->acknowledge(stream, id,
                                fails ? std::optional<core::DeliveryError>("no") : std::nullopt);
        if (!fails && ++acknowledged == kMessages) all.set_value();
      });
    });
    return core::DeliverResult::kSent;
  }

  Dispatcher* dispatcher = nullptr;  // both on the worker only
  StreamId stream = 0;
  std::size_t acknowledged = 0;
  std::promise<void> all;

 private:
  base::Worker& worker_;
  base::Worker answers_{"answers"};
};

class IntakeAndDispatcher : public ::testing::TestWithParam<core::ConcurrencyMode> {};

TEST_P(IntakeAndDispatcher, every_message_arrives_across_the_threads) {
  base::Worker worker("delivery");
  const base::SystemWallClock clock;
  testing::CapturedLog log;
  core::Counters counters;
  storage::MemoryInbox inbox({});
  RoutingTable table;
  Policy policy;
  policy.order.mode = GetParam();
  policy.max_retries = -1;
  policy.retry_interval = std::chrono::milliseconds(1);
  IntakeControl control(true, worker, inbox, counters, base::Log(log), {});
  auto dispatcher = std::make_unique<Dispatcher>(policy, worker, clock, inbox, control, counters,
                                                 base::Log(log), DispatcherHooks{});
  Intake intake({.persistent = true}, table, inbox, dispatcher->arrivals(), worker, clock, counters,
                base::Log(log), nullptr);
  const auto subscriber = std::make_shared<AnsweringSubscriber>(worker);
  auto all = subscriber->all.get_future();

  const auto sink = intake.sink(0);
  std::thread receiver([&] {
    for (std::size_t i = 0; i < kMessages;) {
      const base::Batch batch;
      for (std::size_t end = std::min(i + 5, kMessages); i < end; ++i) {
        EXPECT_TRUE(sink->on_message(message("a/" + std::to_string(i % 3))));
      }
      sink->commit_received();
    }
  });
  // The subscription opens while messages come in: it claims those that came before.
  while (counters.received < kMessages / 10) std::this_thread::yield();
  table.set(0, {filter("a/#")});
  worker.post([&] {
    subscriber->dispatcher = dispatcher.get();
    subscriber->stream = dispatcher->open(filter("a/#"), subscriber);
  });
  receiver.join();
  EXPECT_EQ(all.wait_for(kDeadline), std::future_status::ready);

  std::promise<void> ended;
  worker.post([&] {
    dispatcher.reset();
    ended.set_value();
  });
  ended.get_future().wait();
  worker.stop();
  EXPECT_EQ(subscriber->acknowledged, kMessages);
  EXPECT_EQ(inbox.usage().messages, 0U);
  EXPECT_EQ(counters.failed, counters.redelivered);
}

INSTANTIATE_TEST_SUITE_P(Mode, IntakeAndDispatcher,
                         ::testing::Values(core::ConcurrencyMode::kParallel,
                                           core::ConcurrencyMode::kOrdered),
                         [](const auto& mode) {
                           return mode.param == core::ConcurrencyMode::kParallel ? "parallel"
                                                                                 : "ordered";
                         });

}  // namespace
}  // namespace dapr_mqtt::delivery
