#include "dapr_mqtt/delivery/intake_control.h"

#include "dapr_mqtt/storage/durable_inbox.h"
#include "support/forwarding_inbox.h"
#include "support/scratch_folder.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using Events = std::vector<std::string>;

/// An inbox that the test can make overfull.
class OverfullInbox final : public testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  bool overfull() const override { return holds_too_much; }
  void order_by(std::string_view queue, const std::optional<core::OrderKey>& key) override {
    if (!key) without_keys.emplace_back(queue);
    ForwardingInbox::order_by(queue, key);
  }
  bool holds_too_much = false;
  Events without_keys;
};

struct IntakeControlTest : ::testing::Test {
  testing::ManualExecutor executor;
  testing::ManualWallClock clock{executor};
  testing::CapturedLog log;
  core::Counters counters;
  storage::MemoryInbox memory{{.max_messages = 10, .max_bytes = 1U << 20U}};
  OverfullInbox inbox{memory};
  std::optional<IntakeControl> control;
  Events events;  // from the hooks
  const std::shared_ptr<testing::Receipts> receipts = std::make_shared<testing::Receipts>();
  std::size_t dropped = 0;

  void SetUp() override { begin(true); }
  void begin(bool stores) {
    IntakeHooks hooks;
    hooks.full = [this] { events.emplace_back("full"); };
    hooks.overfull = [this] { events.emplace_back("overfull"); };
    hooks.resume = [this] { events.emplace_back("resume"); };
    control.emplace(stores, executor, inbox, counters, base::Log(log, "pubsub"), std::move(hooks));
    control->opened(filter("a"));
  }
  void TearDown() override {
    control.reset();
    EXPECT_FALSE(executor.has_timer());
  }

  /// Messages of a persistent session: none may be dropped because of the limits.
  bool append(const std::string& queue) {
    const auto outcome = inbox.append(queue, message("t"), false).value();
    dropped += outcome.dropped;
    return outcome.full;
  }
  void receive(const std::string& queue, int messages) {
    for (int i = 0; i < messages; ++i) control->arrived(append(queue));
  }
  void handle(const std::string& queue, int messages) {
    for (int i = 0; i < messages; ++i) {
      inbox.settle(inbox.take(queue, clock.now(), core::Inbox::Order::kReady).value().id);
      control->settled();
    }
  }
};

TEST_F(IntakeControlTest, full_inbox_stops_intake_once_and_drops_nothing) {
  receive("a", 9);
  EXPECT_EQ(events, Events{});
  receive("a", 1);
  EXPECT_EQ(events, Events{"full"});
  receive("a", 5);  // messages that the broker had sent already
  EXPECT_EQ(events, Events{"full"});
  EXPECT_EQ(inbox.usage().messages, 15U);
  EXPECT_EQ(dropped, 0U);
}

TEST_F(IntakeControlTest, intake_goes_on_below_half) {
  receive("a", 12);
  handle("a", 7);
  EXPECT_EQ(events, Events{"full"}) << "five are left";
  handle("a", 1);
  EXPECT_EQ(events, (Events{"full", "resume"}));
  handle("a", 4);
  receive("a", 10);
  EXPECT_EQ(events, (Events{"full", "resume", "full"}));
}

TEST_F(IntakeControlTest, inbox_that_holds_too_much_stops_receiving_once_until_half_is_free) {
  receive("a", 10);
  inbox.holds_too_much = true;
  control->settled();
  EXPECT_EQ(events, Events{"full"}) << "nothing has come in";
  receive("a", 2);
  EXPECT_EQ(events, (Events{"full", "overfull"}));
  handle("a", 12);
  EXPECT_EQ(events, (Events{"full", "overfull", "resume"}));
  receive("a", 10);
  EXPECT_EQ(events, (Events{"full", "overfull", "resume", "full", "overfull"}));
}

TEST_F(IntakeControlTest, discarded_queue_lets_intake_go_on) {
  receive("a", 10);
  EXPECT_EQ(control->discard(filter("a")), 10U);
  EXPECT_EQ(events, (Events{"full", "resume"}));
}

TEST_F(IntakeControlTest, discarded_queue_keeps_its_order_while_it_is_open) {
  control->discard(filter("a"));
  EXPECT_EQ(inbox.without_keys, Events{});
  control->closed(filter("a"));
  control->discard(filter("a"));
  EXPECT_EQ(inbox.without_keys, Events{"a"});
}

TEST_F(IntakeControlTest, inbox_emptied_before_the_word_of_it_came_stops_nothing) {
  bool full = false;
  for (int i = 0; i < 10; ++i) full = append("a");
  ASSERT_TRUE(full);
  handle("a", 10);
  control->arrived(full);
  EXPECT_EQ(events, Events{});
}

TEST_F(IntakeControlTest, messages_nobody_came_for_stay_and_make_room) {
  receive("left", 10);
  EXPECT_EQ(events, Events{"full"});
  control->abandon_unopened();
  EXPECT_EQ(events, (Events{"full", "resume"}));
  EXPECT_TRUE(log.contains("10 message(s) of topic filter \"left\""));
  EXPECT_FALSE(log.contains("filter \"a\""));
  EXPECT_EQ(inbox.usage().messages, 10U) << "none goes before room is needed";
  receive("a", 1);
  EXPECT_EQ(dropped, 1U);
  handle("a", 1);
}

TEST_F(IntakeControlTest, messages_nobody_came_for_stop_nobody_when_they_come_later) {
  control->abandon_unopened();
  receive(std::string(core::Inbox::kUnclaimed), 40);
  EXPECT_EQ(events, Events{});
  EXPECT_LE(inbox.usage().messages, 10U) << "the oldest have gone";
  EXPECT_GT(dropped, 0U);
  EXPECT_TRUE(log.contains("message(s) of no known subscription wait for an app that subscribes"));
  receive("left", 40);
  EXPECT_EQ(events, Events{});
  EXPECT_TRUE(log.contains("message(s) of topic filter \"left\" wait for an app that subscribes"));
}

TEST_F(IntakeControlTest, messages_nobody_came_for_let_go_of_an_inbox_that_was_full_before) {
  receive("a", 10);
  control->abandon_unopened();
  receive("left", 10);
  handle("a", 10);
  EXPECT_EQ(events, Events{"full"});
  executor.advance(IntakeControl::kReopenGrace);
  EXPECT_EQ(events, (Events{"full", "resume"}));
}

TEST_F(IntakeControlTest, messages_nobody_has_come_for_yet_stay_until_the_grace_period_is_over) {
  receive("late", 12);
  executor.advance(std::chrono::minutes(4));
  EXPECT_EQ(events, Events{"full"});
  EXPECT_EQ(dropped, 0U);
}

TEST_F(IntakeControlTest, messages_nobody_came_for_wait_again_when_the_app_was_away) {
  control->abandon_unopened();
  control->closed(filter("a"));
  executor.advance(std::chrono::minutes(10));
  receive("late", 12);
  EXPECT_EQ(events, Events{"full"});
  // The app is back, and opens its subscriptions one after the other.
  control->opened(filter("a"));
  executor.advance(IntakeControl::kReopenGrace - std::chrono::milliseconds(1));
  receive("a", 1);
  EXPECT_EQ(events, Events{"full"});
  EXPECT_EQ(dropped, 0U);
  executor.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(events, (Events{"full", "resume"}));
}

struct EndedSubscriptionTest : IntakeControlTest {
  void SetUp() override {
    IntakeControlTest::SetUp();
    control->opened(filter("b"));
  }
};

TEST_F(EndedSubscriptionTest, does_not_fill_what_the_others_need) {
  control->closed(filter("a"));
  executor.advance(IntakeControl::kReopenGrace);
  receive("a", 40);
  EXPECT_EQ(events, Events{});
  EXPECT_LE(inbox.usage().messages, 10U) << "the oldest have gone";
  EXPECT_GT(dropped, 0U);
  EXPECT_TRUE(log.contains("topic filter \"a\" wait for an app that has ended its subscription"));
}

TEST_F(EndedSubscriptionTest, has_time_to_come_back_and_loses_nothing) {
  control->closed(filter("a"));
  receive("a", 10);
  EXPECT_EQ(events, Events{"full"});
  executor.advance(IntakeControl::kReopenGrace - std::chrono::milliseconds(1));
  EXPECT_EQ(events, Events{"full"});
  control->opened(filter("a"));
  executor.advance(std::chrono::minutes(5));
  EXPECT_EQ(events, Events{"full"}) << "the app has to make room";
  receive("a", 1);
  EXPECT_EQ(dropped, 0U);
}

TEST_F(EndedSubscriptionTest, that_filled_the_inbox_before_lets_go_when_its_time_is_up) {
  control->closed(filter("a"));
  executor.advance(std::chrono::seconds(20));
  receive("a", 10);
  EXPECT_EQ(events, Events{"full"});
  executor.advance(IntakeControl::kReopenGrace - std::chrono::seconds(20));
  EXPECT_EQ(events, (Events{"full", "resume"}));
  EXPECT_EQ(inbox.usage().messages, 10U) << "none goes before room is needed";
}

TEST_F(EndedSubscriptionTest, keeps_all_while_no_stream_is_open) {
  control->closed(filter("a"));
  control->closed(filter("b"));
  receive("a", 12);
  executor.advance(std::chrono::minutes(5));
  EXPECT_EQ(events, Events{"full"});
  // The app is back, and opens its subscriptions one after the other.
  executor.advance(std::chrono::seconds(10));
  control->opened(filter("b"));
  executor.advance(IntakeControl::kReopenGrace - std::chrono::seconds(1));
  control->opened(filter("a"));
  receive("a", 1);
  EXPECT_EQ(dropped, 0U);
  EXPECT_EQ(events, Events{"full"});
}

/// Without a disk: messages that wait take places of the broker's window.
struct HeldForNobodyTest : IntakeControlTest {
  using Numbers = std::vector<std::uint64_t>;

  void SetUp() override { begin(false); }
  /// Its receipt has the number 1.
  void receive_one(std::string_view queue) {
    core::IncomingMessage m = message("t");
    m.receipt = {receipts, 1};
    control->arrived(inbox.append(queue, std::move(m), false, core::Keep::kHold).value().full);
  }
};

TEST_F(HeldForNobodyTest, message_of_a_subscription_that_was_left_goes_when_others_are_open) {
  control->opened(filter("b"));
  control->closed(filter("a"));
  receive_one("a");
  executor.advance(IntakeControl::kReopenGrace / 2);
  EXPECT_EQ(receipts->given(), Numbers{}) << "its app may come back";
  executor.advance(IntakeControl::kReopenGrace);
  EXPECT_EQ(receipts->given(), Numbers{1});
  EXPECT_EQ(counters.dropped_ended, 1U);
  EXPECT_TRUE(log.contains("dropped 1 message(s) of topic filter \"a\""));
}

TEST_F(HeldForNobodyTest, unclaimed_message_goes_too) {
  receive_one(core::Inbox::kUnclaimed);
  executor.advance(2 * IntakeControl::kReopenGrace);
  EXPECT_EQ(receipts->given(), Numbers{1});
  EXPECT_TRUE(log.contains("dropped 1 message(s) of no open subscription"));
}

TEST_F(HeldForNobodyTest, all_stays_at_the_broker_while_no_stream_is_open) {
  control->closed(filter("a"));
  receive_one("a");
  executor.advance(4 * IntakeControl::kReopenGrace);
  EXPECT_EQ(receipts->given(), Numbers{});
}

/// A full inbox on disk holds messages, and they must be stored when there is room again.
struct StoringInboxTest : IntakeControlTest {
  testing::ScratchFolder folder;
  std::unique_ptr<core::DurableInbox> disk;
  std::optional<IntakeControl> its_control;

  void SetUp() override {
    IntakeControlTest::SetUp();
    storage::DurableInboxOptions options;
    options.state_dir = folder.path().string();
    options.consumer_id = options.identity = "id";
    options.limits = {.max_messages = 10, .max_bytes = 1U << 20U};
    disk = storage::open_durable_inbox(options, base::Log(log, "pubsub")).value();
    IntakeHooks hooks;
    hooks.full = [this] { events.emplace_back("full"); };
    hooks.room = hooks.resume = [this] { disk->store_held(disk->last_id()); };
    its_control.emplace(true, executor, *disk, counters, base::Log(log, "pubsub"),
                        std::move(hooks));
    its_control->opened(filter("a"));
    its_control->opened(filter("b"));
  }
  void TearDown() override {
    its_control.reset();
    disk.reset();
    IntakeControlTest::TearDown();
  }
  /// They come in before the executor learns that the inbox is full.
  void append_to_a(std::uint64_t messages) {
    for (std::uint64_t i = 1; i <= messages; ++i) {
      core::IncomingMessage m = message("t");
      m.receipt = {receipts, i};
      const auto outcome = disk->append("a", std::move(m), false).value();
      EXPECT_EQ(outcome.full, i >= 10) << "what is held is reported";
    }
    EXPECT_TRUE(disk->commit().ok());
    EXPECT_EQ(receipts->given().size(), 10U);
  }
};

TEST_F(StoringInboxTest, stores_what_it_held_when_it_abandons_a_closed_queue) {
  its_control->closed(filter("a"));
  executor.advance(IntakeControl::kReopenGrace);
  append_to_a(12);
  its_control->arrived(true);
  EXPECT_EQ(events, Events{});
  EXPECT_TRUE(disk->flush().ok());
  EXPECT_EQ(disk->held().usage.messages, 0U);
  EXPECT_EQ(receipts->given().size(), 12U);
}

TEST_F(StoringInboxTest, stores_what_it_held_when_the_app_has_made_room_meanwhile) {
  append_to_a(12);
  for (int i = 0; i < 3; ++i) {
    disk->settle(disk->take("a", clock.now(), core::Inbox::Order::kReady).value().id);
    its_control->settled();
  }
  its_control->arrived(true);
  EXPECT_EQ(events, Events{});
  EXPECT_TRUE(disk->flush().ok());
  EXPECT_EQ(disk->held().usage.messages, 0U);
  EXPECT_EQ(receipts->given().size(), 12U);
}

/// What the Dispatcher reports to the IntakeControl.
struct DispatcherIntakeTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;

  void SetUp() override {
    options.persistent = true;
    limits = {.max_messages = 10, .max_bytes = 1U << 20U};
    start();
    table.set(0, {filter("a"), filter("b")});
    stream = dispatcher->open(filter("a"), s);
  }
  void receive_many(int n) {
    for (int i = 0; i < n; ++i) receive("a", "x");
    executor.run();
  }
};

TEST_F(DispatcherIntakeTest, acknowledged_messages_make_room) {
  receive_many(10);
  EXPECT_EQ(events, Payloads{"full"});
  for (std::size_t i = 0; i < 5; ++i) ack(stream, *s, i);
  EXPECT_EQ(events, Payloads{"full"}) << "five are left";
  ack(stream, *s, 5);
  EXPECT_EQ(events, (Payloads{"full", "resume"}));
}

TEST_F(DispatcherIntakeTest, given_up_messages_make_room) {
  receive_many(10);
  for (std::size_t i = 0; i < 6; ++i) fail(stream, *s, i);
  executor.run();
  EXPECT_EQ(events.front(), "full");
  EXPECT_EQ(events.back(), "resume");
}

TEST_F(DispatcherIntakeTest, refused_messages_make_room) {
  s->refuse_payload = "x";
  for (int i = 0; i < 10; ++i) receive("a", "x");
  dispatcher->pause();
  executor.run();
  EXPECT_EQ(events, Payloads{"full"});
  dispatcher->resume();
  executor.run();
  EXPECT_NE(std::find(events.begin(), events.end(), "resume"), events.end());
}

TEST_F(DispatcherIntakeTest, messages_of_a_closed_queue_make_room_for_an_open_one) {
  const auto other = subscriber();
  dispatcher->open(filter("b"), other);
  dispatcher->close(stream);
  executor.advance(IntakeControl::kReopenGrace);
  for (int i = 0; i < 40; ++i) receive_many(1);
  EXPECT_EQ(events, Payloads{});
  receive("b", "mine");
  executor.run();
  EXPECT_EQ(other->payloads(), Payloads{"mine"});
  stream = dispatcher->open(filter("a"), s);
  executor.run();
  receive_many(1);
  EXPECT_EQ(events, Payloads{"full"}) << "its messages may no longer be dropped";
}

}  // namespace
}  // namespace dapr_mqtt::delivery
