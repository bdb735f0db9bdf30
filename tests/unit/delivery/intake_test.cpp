#include "dapr_mqtt/delivery/intake.h"

#include "support/forwarding_inbox.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using core::Inbox;
using core::QoS;

struct IntakeTest : DeliveryTest {
  /// Takes the messages that wait in a queue, and returns their payloads.
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
  EXPECT_TRUE(sink->on_message(message("a/b", "one")));
  EXPECT_TRUE(intake->sink(1)->on_message(message("a/b", "two")));
  EXPECT_EQ(waiting("a/b"), Payloads{"one"});
  EXPECT_EQ(waiting("a/+"), Payloads{"one"});
  EXPECT_EQ(waiting("a/#"), Payloads{"two"});
  EXPECT_EQ(counters.received, 2U);
}

TEST_F(IntakeTest,
       what_is_to_be_ignored_is_dropped_without_a_word_unless_somebody_subscribed_to_it) {
  options.persistent = true;
  options.ignored = "$check/";
  start();
  table.set(0, {filter("#"), filter("$check/mine")});
  receive("$check/1", "one");
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_EQ(log.text(), "");
  receive("$check/mine", "two");
  EXPECT_EQ(waiting("$check/mine"), Payloads{"two"});
}

TEST_F(IntakeTest, sink_passes_on_its_connection) {
  start();
  table.set(7, {filter("a")});
  EXPECT_TRUE(intake->sink(7)->on_message(message("a", "one")));
  EXPECT_EQ(waiting("a"), Payloads{"one"});
}

TEST_F(IntakeTest, message_that_the_broker_sends_under_another_topic_reaches_its_subscription) {
  options.persistent = true;
  start();
  table.set(0, {filter("$queue/t"), filter("other")});
  receive("t", "one");
  EXPECT_EQ(waiting("$queue/t"), Payloads{"one"});
  EXPECT_TRUE(log.contains("\"$queue/t\" come on topics like \"t\"")) << log.text();
}

TEST_F(IntakeTest, message_that_nobody_subscribed_to_is_named_and_counted) {
  options.persistent = true;
  start();
  table.set(0, {filter("other")});
  receive("t", "one");
  receive("t", "two");
  EXPECT_EQ(counters.unclaimed, 2U);
  EXPECT_TRUE(
      log.contains("WARN pubsub: a message came on topic \"t\", which matches no subscription"))
      << log.text();
  EXPECT_EQ(log.lines().size(), 1U);
}

TEST_F(IntakeTest, received_time_is_stamped_when_unset) {
  start();
  table.set(0, {filter("a")});
  receive("a", "one");
  core::IncomingMessage stamped = message("a", "two");
  stamped.received = base::WallTime(std::chrono::hours(1));
  EXPECT_TRUE(sink->on_message(stamped));
  EXPECT_EQ(inbox->take("a", clock.now(), Inbox::Order::kReady)->message->received, clock.now());
  EXPECT_EQ(inbox->take("a", clock.now(), Inbox::Order::kReady)->message->received,
            stamped.received);
}

/// Gives the first message the seed 1000, and so on.
class FakeEventIds final : public core::EventIds {
 public:
  void received(core::IncomingMessage& m, bool makes_events) override {
    asked.push_back(m.payload + (makes_events ? ": events" : ""));
    if (makes_events) m.event_seed = 1000 + given++;
    if (m.duplicate) m.received = base::WallTime(std::chrono::hours(1));
  }
  std::vector<std::string> asked;
  std::uint64_t given = 0;
};

struct IntakeEventIds : IntakeTest {
  IntakeEventIds() {
    options.persistent = true;
    start();
    table.set(0, {filter("events"), filter("pass"), filter("both/+"), filter("both/#")});
    intake.emplace(options, table, *inbox, dispatcher->arrivals(), executor, clock, counters,
                   base::Log(log, "pubsub"), nullptr, nullptr, [](const core::TopicFilter& f) {
                     return f.str() != "pass" && f.str() != "both/#";
                   });
    sink = intake->sink(0, &ids);
  }
  std::uint64_t seed(std::string_view queue) {
    return inbox->take(queue, clock.now(), Inbox::Order::kReady)->message->event_seed;
  }
  FakeEventIds ids;
};

TEST_F(IntakeEventIds, are_asked_for_where_the_broker_may_send_a_message_again) {
  receive("events", "one");
  receive("pass", "two");
  receive("events", "zero", QoS::kAtMostOnce);
  receive("nobody/knows", "three");
  EXPECT_EQ(ids.asked, (Payloads{"one: events", "two", "three: events"}))
      << "a subscription that makes events may claim it later";
  EXPECT_EQ(seed("events"), 1000U);
  EXPECT_EQ(seed("pass"), 0U);
  EXPECT_EQ(seed(Inbox::kUnclaimed), 1001U);
}

TEST_F(IntakeEventIds, time_of_a_message_that_was_here_before_is_the_former_one) {
  core::IncomingMessage again = message("pass", "again");
  again.duplicate = true;
  EXPECT_TRUE(sink->on_message(again));
  const auto entry = inbox->take("pass", clock.now(), Inbox::Order::kReady);
  EXPECT_EQ(entry->message->received, base::WallTime(std::chrono::hours(1)));
  EXPECT_EQ(entry->message->arrived, clock.now()) << "by which it expires";
}

TEST_F(IntakeEventIds, copies_for_several_subscriptions_have_seeds_of_their_own_each_time) {
  receive("both/x", "one");
  EXPECT_EQ(ids.asked, Payloads{"one: events"});
  const std::uint64_t plus = seed("both/+");
  const std::uint64_t hash = seed("both/#");
  EXPECT_NE(plus, hash);
  ids.given = 0;
  receive("both/x", "again");
  EXPECT_EQ(seed("both/+"), plus);
  EXPECT_EQ(seed("both/#"), hash);
}

/// A message as the connection hands it over: only its beginning.
core::IncomingMessage oversized(std::string topic, std::string beginning = "begins") {
  core::IncomingMessage m = message(std::move(topic), std::move(beginning));
  m.full_size = 5'000'000;
  return m;
}

TEST_F(IntakeTest, message_that_was_too_large_to_be_received_is_dropped_with_a_line_and_a_count) {
  start();
  table.set(0, {filter("#")});
  core::IncomingMessage big = oversized("a/big");
  big.receipt = receipt();
  EXPECT_TRUE(sink->on_message(std::move(big)));
  receive("a/small", "x");
  EXPECT_EQ(receipts->given(), (Numbers{1, 2})) << "it is acknowledged";
  EXPECT_EQ(counters.too_large, 1U);
  EXPECT_EQ(counters.received_bytes, 5'000'001U);
  EXPECT_TRUE(log.contains("dropped a message on topic \"a/big\": its payload of 5000000 bytes"));
  EXPECT_EQ(waiting("#"), Payloads{"x"});
}

TEST_F(IntakeTest, message_that_was_too_large_to_be_received_is_kept_for_its_dead_letter) {
  options.dead_letters = true;
  start();
  table.set(0, {filter("#")});
  EXPECT_TRUE(sink->on_message(oversized("a/big")));
  EXPECT_EQ(counters.too_large, 1U);
  EXPECT_TRUE(log.contains("not delivered: a message on topic \"a/big\": its payload of 5000000"));
  const auto entry = inbox->take("#", clock.now(), Inbox::Order::kReady);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->message->payload, "begins");
  EXPECT_EQ(entry->message->full_size, 5'000'000U);
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
                                           bool evictable, core::Keep keep) override {
    if (auto open = std::exchange(open_, nullptr)) open();
    return to().append(queue, std::move(message), evictable, keep);
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
  EXPECT_TRUE(racing.sink(0)->on_message(message("a", "in between")));
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
  EXPECT_TRUE(events.empty()) << "messages that may be dropped do not stop intake";
}

/// An inbox on a broken disk.
class BrokenInbox final : public dapr_mqtt::testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  base::Result<core::AppendOutcome> append(std::string_view, core::IncomingMessage, bool,
                                           core::Keep) override {
    if (throws) throw std::bad_alloc();
    return base::unavailable("no space left");
  }

  bool throws = false;
};

/// An inbox whose disk stores nothing while it is full.
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
        options, table, failing, dispatcher->arrivals(), executor, clock, counters, base::Log(log),
        [this](const base::Status& s) { failures.push_back(s); });
    failing_sink = failing_intake->sink(0);
  }
  void TearDown() override {
    failing_sink.reset();
    failing_intake.reset();
    IntakeTest::TearDown();
  }

  std::vector<base::Status> failures;
  std::unique_ptr<Intake> failing_intake;
  std::unique_ptr<core::MessageSink> failing_sink;
};

TEST_F(FailingIntakeTest, commit_that_fails_is_reported) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  FullInbox full(*inbox);
  start_on(full);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(failing_sink->on_message(message("a", "one")));
  EXPECT_TRUE(failures.empty());
  failing_sink->commit_received();
  EXPECT_EQ(full.commits, 1);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].message(), "no space left");
}

TEST_F(FailingIntakeTest, failed_append_is_told_logged_and_not_acknowledged) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  BrokenInbox broken(*inbox);
  start_on(broken);
  core::IncomingMessage m = message("a");
  m.receipt = receipt();
  EXPECT_FALSE(failing_sink->on_message(std::move(m)));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].kind(), base::ErrorKind::kUnavailable);
  EXPECT_TRUE(log.contains("could not be stored: no space left"));
  EXPECT_EQ(receipts->given(), Numbers{});
}

TEST_F(FailingIntakeTest, message_that_meets_no_memory_is_not_acknowledged) {
  options.persistent = true;
  start();
  table.set(0, {filter("a")});
  BrokenInbox broken(*inbox);
  broken.throws = true;
  start_on(broken);
  core::IncomingMessage m = message("a", "one", QoS::kExactlyOnce);
  m.receipt = receipt();
  EXPECT_FALSE(failing_sink->on_message(std::move(m)));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].kind(), base::ErrorKind::kResourceExhausted);
  EXPECT_TRUE(failing_sink->on_message(message("a", "zero", QoS::kAtMostOnce)))
      << "the broker does not send it again";
  EXPECT_EQ(receipts->given(), Numbers{});
}

TEST_F(FailingIntakeTest, message_of_a_clean_session_that_meets_no_memory_is_lost_and_told) {
  start();
  table.set(0, {filter("a")});
  BrokenInbox broken(*inbox);
  broken.throws = true;
  start_on(broken);
  core::IncomingMessage m = message("a");
  m.receipt = receipt();
  EXPECT_TRUE(failing_sink->on_message(std::move(m))) << "the broker does not send it again";
  EXPECT_EQ(receipts->given(), Numbers{1}) << "the connection goes on";
  EXPECT_EQ(failures.size(), 1U);
}

// ---- Whether the broker or the inbox keeps a message ----

TEST_F(IntakeTest, message_of_a_clean_session_is_acknowledged_at_once) {
  start();
  table.set(0, {filter("a")});
  receive("a", "one");
  EXPECT_EQ(receipts->given(), Numbers{1});
}

TEST_F(IntakeTest, held_message_is_acknowledged_when_the_app_has_handled_it) {
  options.persistent = true;
  options.keep = core::Keep::kHold;
  start();
  table.set(0, {filter("a")});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "one");
  receive("a", "two");
  executor.run();
  EXPECT_EQ(receipts->given(), Numbers{});
  ack(stream, *s, 1);
  EXPECT_EQ(receipts->given(), Numbers{2});
  fail(stream, *s, 0);
  EXPECT_EQ(receipts->given(), (Numbers{2, 1})) << "given up";
}

TEST_F(IntakeTest, message_of_two_filters_is_acknowledged_when_both_have_handled_it) {
  options.persistent = true;
  options.keep = core::Keep::kHold;
  start();
  table.set(0, {filter("a"), filter("+")});
  receive("a", "one");
  EXPECT_EQ(receipts->more(), Numbers{1});
  EXPECT_EQ(waiting("a"), Payloads{"one"});
  EXPECT_EQ(waiting("+"), Payloads{"one"});
}

TEST_F(IntakeTest, what_nobody_wants_in_a_persistent_session_stays_at_the_broker) {
  options.persistent = true;
  options.keep = core::Keep::kHold;
  start();
  receive("a", "one");
  EXPECT_EQ(receipts->given(), Numbers{});
}

TEST_F(IntakeTest, what_comes_can_be_stored_or_held_by_order) {
  options.persistent = true;
  options.keep = core::Keep::kHold;
  start();
  table.set(0, {filter("a")});
  intake->store_arrivals(true);
  receive("a", "one");
  EXPECT_EQ(receipts->given(), Numbers{1});
  intake->hold_all();
  receive("a", "two");
  EXPECT_EQ(receipts->given(), Numbers{1});
}

}  // namespace
}  // namespace dapr_mqtt::delivery
