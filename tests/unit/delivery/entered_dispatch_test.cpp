// Dispatching on threads that must not wait for a disk: those that have entered the executor.
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dapr_mqtt/base/worker.h"
#include "support/forwarding_inbox.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

/// Has the messages of the queue "disk" on a disk, which only the executor's own thread may read.
class HalfOnDisk final : public testing::ForwardingInbox<core::Inbox> {
 public:
  HalfOnDisk(core::Inbox& to, const base::Executor& executor)
      : ForwardingInbox(to), executor_(executor) {}

  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override {
    EXPECT_TRUE(executor_.may_block());
    if (queue == "disk" && reading && next_due(queue, order)) reading();
    return ForwardingInbox::take(queue, now, order);
  }
  FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order) override {
    if (queue == "disk") return {{}, next_due(queue, order).has_value()};
    return ForwardingInbox::take_from_memory(queue, now, order);
  }

  std::function<void()> reading;

 private:
  const base::Executor& executor_;
};

struct EnteredDispatch : DeliveryTest {
  void SetUp() override {
    start();
    half.emplace(*inbox, executor);
    make_dispatcher(*half, {});
    intake.emplace(options, table, *half, dispatcher->arrivals(), executor, clock, counters,
                   base::Log(log, "pubsub"), nullptr);
    sink = intake->sink(0);
    table.set(0, {filter("memory"), filter("disk")});
    dispatcher->open(filter("disk"), on_disk);
    stream = dispatcher->open(filter("memory"), in_memory);
    executor.run();
  }

  std::optional<HalfOnDisk> half;
  StreamId stream = 0;
  const std::shared_ptr<RecordingSubscriber> in_memory = subscriber();
  const std::shared_ptr<RecordingSubscriber> on_disk = subscriber();
};

TEST_F(EnteredDispatch, Delivers_what_is_in_memory_and_takes_its_acknowledgement) {
  receive("memory", "a");
  executor.run_entered();
  EXPECT_EQ(in_memory->payloads(), Payloads{"a"});
  ack(stream, *in_memory, 0);
  executor.run_entered();
  EXPECT_FALSE(executor.has_task());
  EXPECT_EQ(inbox->usage().messages, 0U);
}

TEST_F(EnteredDispatch, Leaves_what_is_on_disk_to_a_task_that_may_wait_and_delivers_the_rest) {
  for (int i = 0; i < 3; ++i) receive("disk", "d" + std::to_string(i));
  for (int i = 0; i < 40; ++i) receive("memory", std::to_string(i));
  executor.run_entered();
  EXPECT_EQ(in_memory->deliveries.size(), 40U);
  EXPECT_EQ(on_disk->payloads(), Payloads{});
  EXPECT_TRUE(executor.has_task());
  executor.run();
  EXPECT_EQ(on_disk->payloads(), (Payloads{"d0", "d1", "d2"}));
}

TEST_F(EnteredDispatch, Leaves_large_messages_to_the_own_thread_after_the_first_few) {
  for (int i = 0; i < 20; ++i) receive("memory", std::string(100'000, 'x'));
  executor.run_entered();
  const std::size_t entered = in_memory->deliveries.size();
  EXPECT_GE(entered, 1U);
  EXPECT_LT(entered, 10U);
  executor.run();
  EXPECT_EQ(in_memory->deliveries.size(), 20U);
}

TEST_F(EnteredDispatch, Message_that_is_stored_on_arrival_is_delivered_by_another_thread) {
  struct Noting final : base::Executor {
    void post(Task) override { ++posted; }
    void post_quick(Task) override { ++quick; }
    void enter(Task) override { ++entered; }
    TimerId post_at(base::TimePoint, Task) override { return 1; }
    void cancel(TimerId) override {}
    base::TimePoint now() const override { return {}; }
    int posted = 0;
    int quick = 0;
    int entered = 0;
  };
  Noting noting;
  Arrivals arrivals(noting, [&] { arrivals.take(); });
  for (const core::Keep keep : {core::Keep::kStore, core::Keep::kHold}) {
    options.persistent = true;
    options.keep = keep;
    Intake in(options, table, *inbox, arrivals, executor, clock, counters, base::Log(log), nullptr);
    EXPECT_TRUE(in.sink(0)->on_message(message("memory")));
    EXPECT_EQ(noting.quick, 1) << "while this one writes it";
    EXPECT_EQ(noting.entered, keep == core::Keep::kStore ? 0 : 1);
    arrivals.take();
  }
  EXPECT_EQ(noting.posted, 0);
}

/// The disk hangs on the executor's own thread: neither the thread that receives nor the one that
/// brings acknowledgements waits for it.
TEST(EnteredWorker, Disk_that_hangs_holds_up_no_thread_that_enters) {
  base::Worker worker("delivery");
  const base::SystemWallClock clock;
  testing::CapturedLog log;
  core::Counters counters;
  storage::MemoryInbox memory({});
  HalfOnDisk inbox(memory, worker);
  const auto hangs = std::make_shared<std::promise<void>>();
  std::promise<void> go_on;
  inbox.reading = [&, hung = false]() mutable {
    if (std::exchange(hung, true)) return;
    hangs->set_value();
    go_on.get_future().wait();
  };
  RoutingTable table;
  table.set(0, {filter("disk"), filter("memory")});
  IntakeControl control(true, worker, inbox, counters, base::Log(log), {});
  auto dispatcher = std::make_unique<Dispatcher>(Policy{}, worker, clock, inbox, control, counters,
                                                 base::Log(log), DispatcherHooks{});
  Intake intake({}, table, inbox, dispatcher->arrivals(), worker, clock, counters, base::Log(log),
                nullptr);
  const auto subscriber = std::make_shared<RecordingSubscriber>();  // used by tasks only
  const auto other = std::make_shared<RecordingSubscriber>();
  StreamId stream = 0;
  const auto delivered = std::make_shared<std::promise<void>>();
  worker.post([&] {
    stream = dispatcher->open(filter("memory"), subscriber);
    dispatcher->open(filter("disk"), other);
  });
  const auto sink = intake.sink(0);
  EXPECT_TRUE(sink->on_message(message("memory", "first")));
  // A task posted after the delivery sees its result.
  std::function<void()> look = [&] {
    subscriber->deliveries.empty() ? worker.post(look) : delivered->set_value();
  };
  worker.post(look);
  ASSERT_EQ(delivered->get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);

  EXPECT_TRUE(sink->on_message(message("disk", "hangs")));
  ASSERT_EQ(hangs->get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  // If a thread waited for the disk, each of these would wait for ever.
  EXPECT_TRUE(sink->on_message(message("memory", "second")));
  worker.enter([&] { dispatcher->acknowledge(stream, subscriber->deliveries.at(0).id, {}); });
  EXPECT_EQ(counters.acknowledged, 0U) << "left to the thread that is inside";
  go_on.set_value();

  const auto ended = std::make_shared<std::promise<void>>();
  std::function<void()> until_all = [&] {
    if (counters.acknowledged == 0 || subscriber->deliveries.size() < 2 ||
        other->deliveries.empty()) {
      return worker.post(until_all);
    }
    dispatcher.reset();
    ended->set_value();
  };
  worker.post(until_all);
  EXPECT_EQ(ended->get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  worker.stop();
}

}  // namespace
}  // namespace dapr_mqtt::delivery
