#include "dapr_mqtt/delivery/intake.h"

#include "support/forwarding_inbox.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using core::Inbox;
using core::QoS;

struct IntakeTest : DeliveryTest {
  /// Payloads that wait in a queue, taken.
  Payloads waiting(std::string_view queue) {
    Payloads out;
    while (auto entry = inbox->take(queue, clock.now(), Inbox::Order::kReady)) {
      out.push_back(entry->message->payload);
    }
    return out;
  }
};

TEST_F(IntakeTest, message_goes_to_each_matching_filter_of_its_connection_once) {
  start();
  table.set(0, {filter("a/b"), filter("a/+")});
  table.set(1, {filter("a/#")});
  sink->on_message(message("a/b", "one"));
  intake->sink(1)->on_message(message("a/b", "two"));
  EXPECT_EQ(waiting("a/b"), Payloads{"one"});
  EXPECT_EQ(waiting("a/+"), Payloads{"one"});
  EXPECT_EQ(waiting("a/#"), Payloads{"two"});
  EXPECT_EQ(counters.received, 2U);
}

TEST_F(IntakeTest, sink_passes_on_its_connection) {
  start();
  table.set(7, {filter("a")});
  intake->sink(7)->on_message(message("a", "one"));
  EXPECT_EQ(waiting("a"), Payloads{"one"});
}

TEST_F(IntakeTest, received_time_is_stamped_when_unset) {
  start();
  table.set(0, {filter("a")});
  receive("a", "one");
  core::IncomingMessage stamped = message("a", "two");
  stamped.received = base::WallTime(std::chrono::hours(1));
  sink->on_message(stamped);
  EXPECT_EQ(inbox->take("a", clock.now(), Inbox::Order::kReady)->message->received, clock.now());
  EXPECT_EQ(inbox->take("a", clock.now(), Inbox::Order::kReady)->message->received,
            stamped.received);
}

TEST_F(IntakeTest, payload_over_the_limit_is_dropped_with_a_line_and_a_count) {
  options.max_payload = 10;
  start();
  table.set(0, {filter("#")});
  receive("a/big", std::string(11, 'x'));
  receive("a/small", std::string(10, 'x'));
  EXPECT_EQ(counters.too_large, 1U);
  EXPECT_TRUE(log.contains("\"a/big\": its payload of 11 bytes"));
  EXPECT_EQ(waiting("#").size(), 1U);
}

TEST_F(IntakeTest, unrouted_message_of_a_clean_session_is_counted_and_dropped) {
  start();
  receive("a", "one");
  EXPECT_EQ(counters.unrouted, 1U);
  EXPECT_EQ(inbox->usage().messages, 0U);
}

TEST_F(IntakeTest, message_before_its_subscription_waits_for_it_in_a_persistent_session) {
  options.persistent = true;
  start();
  receive("a/1", "one");
  receive("b", "two");
  table.set(0, {filter("a/+")});
  receive("a/2", "three");
  const auto s = subscriber();
  dispatcher->open(filter("a/+"), s);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"one", "three"}));
  EXPECT_EQ(waiting(Inbox::kUnclaimed), Payloads{"two"});
}

/// An inbox during whose append the subscription opens.
class LateSubscription final : public dapr_mqtt::testing::ForwardingInbox<core::Inbox> {
 public:
  LateSubscription(core::Inbox& inbox, std::function<void()> open)
      : ForwardingInbox(inbox), open_(std::move(open)) {}
  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable) override {
    if (auto open = std::exchange(open_, nullptr)) open();
    return to().append(queue, std::move(message), evictable);
  }

 private:
  std::function<void()> open_;
};

TEST_F(IntakeTest, subscription_that_opens_while_a_message_is_stored_still_gets_it) {
  options.persistent = true;
  start();
  const auto s = subscriber();
  LateSubscription late(*inbox, [&] {
    table.set(0, {filter("a")});
    dispatcher->open(filter("a"), s);
    executor.run();
  });
  Intake racing(options, table, late, dispatcher->arrivals(), executor, clock, counters,
                base::Log(log), nullptr);
  racing.sink(0)->on_message(message("a", "in between"));
  executor.run();
  EXPECT_EQ(s->payloads(), Payloads{"in between"});
}

TEST_F(IntakeTest, drops_of_a_clean_session_are_counted_by_the_qos_of_what_went) {
  limits = {.max_messages = 2, .max_bytes = 1U << 20U};
  start();
  table.set(0, {filter("a")});
  receive("a", "1", QoS::kAtMostOnce);
  receive("a", "2", QoS::kAtLeastOnce);
  receive("a", "3", QoS::kExactlyOnce);
  EXPECT_EQ(counters.dropped_qos0, 1U);
  EXPECT_EQ(counters.dropped, 0U);
  receive("a", "4", QoS::kAtMostOnce);
  EXPECT_EQ(counters.dropped, 1U);
  EXPECT_TRUE(log.contains("dropped the oldest 1 message of filter \"a\""));
  EXPECT_EQ(waiting("a"), (Payloads{"3", "4"}));
  executor.run();
  EXPECT_TRUE(events.empty()) << "intake goes on";
}

TEST_F(IntakeTest, flood_at_qos_0_costs_a_persistent_session_no_other_message) {
  options.persistent = true;
  limits = {.max_messages = 4, .max_bytes = 1U << 20U};
  start();
  table.set(0, {filter("a"), filter("b")});
  receive("a", "kept");
  for (int i = 0; i < 10; ++i) receive("b", std::to_string(i), QoS::kAtMostOnce);
  receive("a", "kept too");
  executor.run();
  EXPECT_EQ(counters.dropped, 0U);
  EXPECT_EQ(counters.dropped_qos0, 8U);
  EXPECT_EQ(waiting("a"), (Payloads{"kept", "kept too"}));
  EXPECT_EQ(waiting("b"), (Payloads{"8", "9"}));
  EXPECT_TRUE(events.empty()) << "what may be dropped stops no intake";
}

/// An inbox on a broken disk.
class BrokenInbox final : public dapr_mqtt::testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  base::Result<core::AppendOutcome> append(std::string_view, core::IncomingMessage,
                                           bool) override {
    if (throws) throw std::bad_alloc();
    return base::unavailable("no space left");
  }

  bool throws = false;
};

/// One whose disk takes nothing while it is full.
class FullInbox final : public dapr_mqtt::testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  base::Status commit() override {
    ++commits;
    return full_disk ? base::unavailable("no space left") : base::Status();
  }

  bool full_disk = true;
  int commits = 0;
};

/// An intake of its own, on an inbox that fails.
struct FailingIntakeTest : IntakeTest {
  void start_on(core::Inbox& failing) {
    failing_intake = std::make_unique<Intake>(
        options, table, failing, dispatcher->arrivals(), executor, clock, counters,
        base::Log(log), [this](const base::Status& s) { told.push_back(s); });
    failing_sink = failing_intake->sink(0);
  }
  void TearDown() override {
    failing_sink.reset();
    failing_intake.reset();
    IntakeTest::TearDown();
  }

  std::vector<base::Status> told;
  std::unique_ptr<Intake> failing_intake;
  std::unique_ptr<core::MessageSink> failing_sink;
};

TEST_F(FailingIntakeTest, what_is_not_secured_is_counted_told_once_for_all_and_not_acknowledged) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  FullInbox full(*inbox);
  start_on(full);
  for (int i = 0; i < 3; ++i) failing_sink->on_message(message("a", "one"));
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(failing_sink->secure());
  EXPECT_EQ(full.commits, 1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].message(), "no space left");
  EXPECT_EQ(counters.unsaved, 3U);
  EXPECT_FALSE(failing_sink->secure()) << "there may be packets";
  EXPECT_EQ(counters.unsaved, 3U);
  full.full_disk = false;
  EXPECT_TRUE(failing_sink->secure()) << "nothing has come since";
  failing_sink->on_message(message("a", "one"));
  EXPECT_TRUE(failing_sink->secure());
}

TEST_F(FailingIntakeTest, commit_that_fails_for_one_connection_fails_for_all_that_had_messages_in_it) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  table.set(1, {filter("b")});
  FullInbox full(*inbox);
  start_on(full);
  const auto other = failing_intake->sink(1);
  failing_sink->on_message(message("a"));
  other->on_message(message("b"));
  EXPECT_FALSE(failing_sink->secure());
  full.full_disk = false;
  EXPECT_FALSE(other->secure()) << "its message may have gone";
  other->on_message(message("b"));
  EXPECT_TRUE(other->secure());
}

TEST_F(FailingIntakeTest, broker_of_a_clean_session_gets_its_acknowledgements_whatever_happens) {
  start();
  table.set(0, {filter("a")});
  FullInbox full(*inbox);
  start_on(full);
  failing_sink->on_message(message("a"));
  EXPECT_TRUE(failing_sink->secure()) << "it would not send it again";
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(FailingIntakeTest, failed_append_is_told_logged_and_not_acknowledged) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  BrokenInbox broken(*inbox);
  start_on(broken);
  failing_sink->on_message(message("a"));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind(), base::ErrorKind::kUnavailable);
  EXPECT_TRUE(log.contains("could not be stored: no space left"));
  EXPECT_FALSE(failing_sink->secure());
  broken.throws = true;
  failing_sink->on_message(message("a"));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].kind(), base::ErrorKind::kResourceExhausted);
  EXPECT_FALSE(failing_sink->secure());
  EXPECT_TRUE(failing_sink->secure());
}

}  // namespace
}  // namespace dapr_mqtt::delivery
