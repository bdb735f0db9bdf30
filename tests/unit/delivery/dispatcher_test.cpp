#include "dapr_mqtt/delivery/dispatcher.h"

#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

struct DispatcherTest : DeliveryTest {
  void route(const std::vector<std::string_view>& filters) {
    std::vector<core::TopicFilter> parsed;
    for (const auto f : filters) parsed.push_back(filter(f));
    table.set(0, std::move(parsed));
  }
};

TEST_F(DispatcherTest, messages_are_delivered_in_order_of_arrival_and_gone_when_acknowledged) {
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "1");
  receive("a", "2");
  executor.run();
  ASSERT_EQ(s->payloads(), (Payloads{"1", "2"}));
  EXPECT_EQ(s->deliveries[0].attempt, 1U);
  EXPECT_EQ(dispatcher->in_flight(), 2U);
  ack(stream, *s, 0);
  ack(stream, *s, 1);
  executor.run();
  EXPECT_EQ(dispatcher->in_flight(), 0U);
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_EQ(counters.delivered, 2U);
  EXPECT_EQ(counters.acknowledged, 2U);
  EXPECT_EQ(counters.redelivered, 0U);
}

TEST_F(DispatcherTest, measures_handling_and_the_use_of_windows) {
  policy.window = {.messages = 3, .bytes = 1U << 20U};
  start();
  route({"a", "b"});
  const auto s = subscriber();
  const StreamId a = dispatcher->open(filter("a"), s);
  const StreamId b = dispatcher->open(filter("b"), subscriber());
  receive("a", "1");
  receive("a", "22");
  executor.run();
  EXPECT_EQ(counters.received_bytes, 3U);
  EXPECT_EQ(counters.window, 6);
  EXPECT_EQ(counters.unacknowledged, 2);
  executor.advance(std::chrono::seconds(2));
  ack(a, *s, 0);
  EXPECT_EQ(counters.unacknowledged, 1);
  EXPECT_EQ(counters.handling_time.snapshot().sum, std::chrono::seconds(2));
  dispatcher->close(a);
  dispatcher->close(b);
  EXPECT_EQ(counters.unacknowledged, 0);
  EXPECT_EQ(counters.window, 0);
}

TEST_F(DispatcherTest, nothing_is_delivered_inside_open) {
  start();
  route({"a"});
  receive("a", "1");
  const auto s = subscriber();
  dispatcher->open(filter("a"), s);
  EXPECT_TRUE(s->deliveries.empty());
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 1U);
}

TEST_F(DispatcherTest, window_of_messages_is_kept_and_refilled) {
  policy.window = {.messages = 3, .bytes = 1U << 20U};
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  for (int i = 0; i < 5; ++i) receive("a", std::to_string(i));
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "2"}));
  ack(stream, *s, 1);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "2", "3"}));
}

TEST_F(DispatcherTest, window_of_bytes_is_kept_but_for_one_message) {
  policy.window = {.messages = 100, .bytes = 1000};
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", std::string(5000, 'x'));
  receive("a", "small");
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 1U);
  ack(stream, *s, 0);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U);
}

TEST_F(DispatcherTest, streams_with_the_same_filter_take_turns_even_one_message_at_a_time) {
  start();
  route({"a"});
  const auto one = subscriber();
  const auto two = subscriber();
  const StreamId first = dispatcher->open(filter("a"), one);
  const StreamId second = dispatcher->open(filter("a"), two);
  for (int i = 0; i < 6; ++i) {
    receive("a", std::to_string(i));
    executor.run();
  }
  EXPECT_EQ(one->payloads(), (Payloads{"0", "2", "4"}));
  EXPECT_EQ(two->payloads(), (Payloads{"1", "3", "5"}));
  ack(first, *two, 0);
  EXPECT_EQ(counters.unknown_acks, 1U) << "only the holder's acknowledgement counts";
  ack(second, *two, 0);
  EXPECT_EQ(dispatcher->in_flight(), 5U);
}

TEST_F(DispatcherTest, full_stream_leaves_its_share_to_the_others) {
  policy.window = {.messages = 1, .bytes = 1U << 20U};
  start();
  route({"a"});
  const auto silent = subscriber();
  const auto lively = subscriber();
  dispatcher->open(filter("a"), silent);
  const StreamId stream = dispatcher->open(filter("a"), lively);
  for (int i = 0; i < 10; ++i) receive("a", std::to_string(i));
  executor.run();
  for (std::size_t i = 0; i < 9; ++i) {
    ack(stream, *lively, i);
    executor.run();
  }
  EXPECT_EQ(silent->deliveries.size(), 1U);
  EXPECT_EQ(lively->deliveries.size(), 9U);
}

TEST_F(DispatcherTest, acknowledgements_that_are_late_repeated_or_foreign_are_counted_and_ignored) {
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "1");
  executor.run();
  const core::InboxId id = s->deliveries[0].id;
  dispatcher->acknowledge(stream, id + 1, std::nullopt);
  dispatcher->acknowledge(stream + 1, id, std::nullopt);
  EXPECT_EQ(dispatcher->in_flight(), 1U);
  dispatcher->acknowledge(stream, id, std::nullopt);
  dispatcher->acknowledge(stream, id, std::string("late"));
  dispatcher->close(stream);
  dispatcher->acknowledge(stream, id, std::nullopt);
  EXPECT_EQ(counters.unknown_acks, 4U);
  EXPECT_EQ(counters.failed, 0U);
}

TEST_F(DispatcherTest, closed_stream_gives_its_messages_back_in_order_without_failure) {
  start();
  route({"a"});
  const auto one = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), one);
  for (int i = 0; i < 3; ++i) receive("a", std::to_string(i));
  executor.run();
  ack(stream, *one, 1);
  dispatcher->close(stream);
  dispatcher->close(stream);
  EXPECT_EQ(dispatcher->in_flight(), 0U);
  receive("a", "3");
  const auto two = subscriber();
  dispatcher->open(filter("a"), two);
  executor.run();
  EXPECT_EQ(two->payloads(), (Payloads{"0", "2", "3"}));
  EXPECT_EQ(two->deliveries[0].attempt, 1U);
  EXPECT_EQ(counters.failed, 0U);
}

TEST_F(DispatcherTest, closing_one_of_several_streams_passes_its_messages_to_the_others) {
  start();
  route({"a"});
  const auto one = subscriber();
  const auto two = subscriber();
  const StreamId first = dispatcher->open(filter("a"), one);
  dispatcher->open(filter("a"), two);
  receive("a", "0");
  executor.run();
  ASSERT_EQ(one->payloads(), Payloads{"0"});
  dispatcher->close(first);
  executor.run();
  EXPECT_EQ(two->payloads(), Payloads{"0"});
}

TEST_F(DispatcherTest, stream_that_says_it_has_ended_gets_no_more_and_costs_no_failure) {
  start();
  route({"a"});
  const auto gone = subscriber();
  gone->closed = true;
  const StreamId stream = dispatcher->open(filter("a"), gone);
  receive("a", "0");
  executor.run();
  gone->closed = false;
  receive("a", "1");
  executor.run();
  EXPECT_TRUE(gone->deliveries.empty());
  const auto other = subscriber();
  dispatcher->open(filter("a"), other);
  dispatcher->close(stream);
  executor.run();
  EXPECT_EQ(other->payloads(), (Payloads{"0", "1"}));
  EXPECT_EQ(other->deliveries[0].attempt, 1U);
}

TEST_F(DispatcherTest, pause_holds_new_messages_back_while_acknowledgements_count) {
  policy.window.messages = 1;
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "0");
  receive("a", "1");
  executor.run();
  dispatcher->pause();
  dispatcher->pause();
  ack(stream, *s, 0);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 1U);
  EXPECT_EQ(counters.acknowledged, 1U);
  dispatcher->resume();
  dispatcher->resume();
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1"}));
}

TEST_F(DispatcherTest, pause_holds_back_what_waits_behind_the_delivery_under_way) {
  /// As if Pause came on another thread while the first message is handed over.
  class PausingSubscriber final : public core::Subscriber {
   public:
    explicit PausingSubscriber(Dispatcher& dispatcher) : dispatcher_(dispatcher) {}
    core::DeliverResult deliver(const core::Delivery&) override {
      ++delivered;
      dispatcher_.pause();
      return core::DeliverResult::kSent;
    }
    int delivered = 0;

   private:
    Dispatcher& dispatcher_;
  };
  start();
  route({"t"});
  receive("t", "1");
  receive("t", "2");
  const auto s = std::make_shared<PausingSubscriber>(*dispatcher);
  dispatcher->open(filter("t"), s);
  executor.run();
  EXPECT_EQ(s->delivered, 1);
  dispatcher->resume();
  executor.run();
  EXPECT_EQ(s->delivered, 2);
}

TEST_F(DispatcherTest, pause_holds_back_what_was_posted_before_it) {
  start();
  route({"a"});
  const auto s = subscriber();
  dispatcher->open(filter("a"), s);
  receive("a", "0");
  dispatcher->pause();
  executor.run();
  EXPECT_TRUE(s->deliveries.empty());
}

TEST_F(DispatcherTest, drain_is_done_when_nothing_is_in_flight) {
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "0");
  receive("a", "1");
  executor.run();
  int done = 0;
  dispatcher->drain([&] { ++done; });
  dispatcher->drain([&] { ++done; });
  receive("a", "2");
  executor.run();
  ack(stream, *s, 0);
  executor.run();
  EXPECT_EQ(done, 0);
  dispatcher->close(stream);
  EXPECT_EQ(done, 0) << "not inside a call";
  executor.run();
  EXPECT_EQ(done, 2);
  dispatcher->resume();
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U);
}

TEST_F(DispatcherTest, drain_with_nothing_in_flight_is_done_at_once) {
  start();
  bool done = false;
  dispatcher->drain([&] { done = true; });
  executor.run();
  EXPECT_TRUE(done);
}

TEST_F(DispatcherTest, silent_topic_holds_up_no_other) {
  policy.window.messages = 2;
  start();
  route({"silent", "lively"});
  const auto silent = subscriber();
  const auto lively = subscriber();
  dispatcher->open(filter("silent"), silent);
  const StreamId stream = dispatcher->open(filter("lively"), lively);
  for (int i = 0; i < 1000; ++i) receive("silent", "x");
  for (std::size_t i = 0; i < 100; ++i) {
    receive("lively", "y");
    executor.run();
    ASSERT_EQ(lively->deliveries.size(), i + 1);
    ack(stream, *lively, i);
  }
  EXPECT_EQ(silent->deliveries.size(), 2U);
}

/// On its first delivery, notes how much was delivered to another subscriber by then.
class Onlooker final : public core::Subscriber {
 public:
  explicit Onlooker(const RecordingSubscriber& other) : other_(other) {}
  core::DeliverResult deliver(const core::Delivery&) override {
    if (!seen) seen = other_.deliveries.size();
    return core::DeliverResult::kSent;
  }
  std::optional<std::size_t> seen;

 private:
  const RecordingSubscriber& other_;
};

TEST_F(DispatcherTest, busy_topic_leaves_the_others_their_turns) {
  policy.window.messages = 1000;
  start();
  route({"busy", "quiet"});
  const auto busy = subscriber();
  const auto quiet = std::make_shared<Onlooker>(*busy);
  dispatcher->open(filter("busy"), busy);
  dispatcher->open(filter("quiet"), quiet);
  for (int i = 0; i < 1000; ++i) receive("busy", "x");
  receive("quiet", "y");
  executor.run();
  ASSERT_TRUE(quiet->seen);
  EXPECT_LE(*quiet->seen, 16U) << "one turn";
  EXPECT_EQ(busy->deliveries.size(), 1000U);
}

TEST_F(DispatcherTest, tasks_between_deliveries_get_their_turn) {
  policy.window.messages = 100'000;
  start();
  route({"a"});
  const auto s = subscriber();
  for (int i = 0; i < 1000; ++i) receive("a", "x");
  executor.run();
  dispatcher->open(filter("a"), s);
  std::size_t delivered_before = 0;
  // Runs after the first pump task and before the next one.
  executor.post([&] { delivered_before = s->deliveries.size(); });
  executor.run();
  EXPECT_EQ(delivered_before, 256U);
  EXPECT_EQ(s->deliveries.size(), 1000U);
}

TEST_F(DispatcherTest, discard_drops_what_waits_for_the_filter) {
  start();
  route({"a"});
  const auto s = subscriber();
  const StreamId stream = dispatcher->open(filter("a"), s);
  receive("a", "0");
  executor.run();
  dispatcher->close(stream);
  receive("a", "1");
  EXPECT_EQ(control->discard(filter("a")), 2U);
  dispatcher->open(filter("a"), s);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 1U);
}

TEST_F(DispatcherTest, tasks_left_over_after_its_end_do_nothing) {
  start();
  route({"a"});
  const auto s = subscriber();
  dispatcher->open(filter("a"), s);
  receive("a", "0");
  intake.reset();
  dispatcher.reset();
  executor.run();
  EXPECT_TRUE(s->deliveries.empty());
}

}  // namespace
}  // namespace dapr_mqtt::delivery
