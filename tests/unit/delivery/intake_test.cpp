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
  intake->on_message(0, message("a/b", "one"));
  intake->on_message(1, message("a/b", "two"));
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
  intake->on_message(0, stamped);
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
  racing.on_message(0, message("a", "in between"));
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

/// One whose disk takes nothing.
class FullInbox final : public dapr_mqtt::testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  base::Status commit() override {
    ++commits;
    return base::unavailable("no space left");
  }

  int commits = 0;
};

TEST_F(IntakeTest, what_is_not_secured_is_counted_and_told_once_for_all) {
  start();
  table.set(0, {filter("a")});
  FullInbox full(*inbox);
  std::vector<base::Status> told;
  Intake failing(options, table, full, dispatcher->arrivals(), executor, clock, counters,
                 base::Log(log), [&](const base::Status& s) { told.push_back(s); });
  const auto sink = failing.sink(0);
  sink->on_message(message("a", "zero", QoS::kAtMostOnce));
  sink->secure();
  EXPECT_EQ(full.commits, 0) << "nothing is promised";
  for (int i = 0; i < 3; ++i) sink->on_message(message("a", "one"));
  EXPECT_TRUE(told.empty());
  sink->secure();
  sink->secure();
  EXPECT_EQ(full.commits, 1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].message(), "no space left");
  EXPECT_EQ(counters.unsaved, 3U);
}

TEST_F(IntakeTest, failed_append_is_told_and_logged) {
  start();
  table.set(0, {filter("a")});
  BrokenInbox broken(*inbox);
  std::vector<base::Status> told;
  Intake failing(options, table, broken, dispatcher->arrivals(), executor, clock, counters,
                 base::Log(log), [&](const base::Status& s) { told.push_back(s); });
  failing.on_message(0, message("a"));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind(), base::ErrorKind::kUnavailable);
  EXPECT_TRUE(log.contains("could not be stored: no space left"));
  broken.throws = true;
  failing.on_message(0, message("a"));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].kind(), base::ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
