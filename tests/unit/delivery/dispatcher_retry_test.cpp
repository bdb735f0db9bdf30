// What happens to messages that the app fails or the peer cannot take.
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct DispatcherRetryTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;

  void begin() {
    start();
    table.set(0, {filter("a"), filter("b")});
    stream = dispatcher->open(filter("a"), s);
  }
};

TEST_F(DispatcherRetryTest, failed_message_is_tried_again_after_the_interval) {
  policy.max_retries = 3;
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0);
  executor.advance(milliseconds(4999));
  EXPECT_EQ(s->deliveries.size(), 1U);
  executor.advance(milliseconds(1));
  ASSERT_EQ(s->deliveries.size(), 2U);
  EXPECT_EQ(s->deliveries[1].id, s->deliveries[0].id);
  EXPECT_EQ(s->deliveries[1].attempt, 2U);
  EXPECT_EQ(counters.failed, 1U);
  EXPECT_EQ(counters.redelivered, 1U);
  ack(stream, *s, 1);
  executor.advance(seconds(60));
  EXPECT_EQ(s->deliveries.size(), 2U);
  EXPECT_FALSE(executor.has_timer());
}

TEST_F(DispatcherRetryTest, message_is_given_up_when_its_retries_are_spent) {
  policy.max_retries = 2;
  begin();
  receive("a", "0");
  executor.run();
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(s->deliveries.size(), i + 1);
    fail(stream, *s, i, "out of\norder");
    executor.advance(seconds(5));
  }
  EXPECT_EQ(s->deliveries.size(), 3U);
  EXPECT_EQ(events, Payloads{"given up 0"});
  EXPECT_EQ(last_given_up_attempt, 3U);
  EXPECT_EQ(counters.given_up, 1U);
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_TRUE(
      log.contains("WARN pubsub: gave up message 1 on topic \"a\" (filter \"a\") after 3 "
                   "attempts; daprd says: \"out of\\norder\""))
      << log.text();
}

TEST_F(DispatcherRetryTest, app_that_fails_everything_does_not_fill_the_log) {
  policy.max_retries = 0;
  begin();
  constexpr std::size_t kMessages = 50;
  for (std::size_t i = 0; i < kMessages; ++i) {
    receive("a", std::to_string(i));
    executor.run();
    fail(stream, *s, i);
  }
  EXPECT_EQ(counters.given_up, kMessages);
  EXPECT_TRUE(log.contains("gave up message 10 on"));
  EXPECT_FALSE(log.contains("gave up message 11 on"));
  executor.advance(seconds(60));
  receive("a", "last");
  executor.run();
  fail(stream, *s, kMessages);
  EXPECT_TRUE(log.contains("gave up message 51 on"));
  EXPECT_TRUE(log.contains("(40 more times since the last line about it)")) << log.text();
}

TEST_F(DispatcherRetryTest, no_retries_gives_up_at_once) {
  policy.max_retries = 0;
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0);
  EXPECT_EQ(events, Payloads{"given up 0"});
  EXPECT_TRUE(log.contains("after 1 attempt;"));
}

TEST_F(DispatcherRetryTest, minus_one_tries_for_ever_without_log_lines) {
  policy.max_retries = -1;
  begin();
  receive("a", "0");
  executor.run();
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_EQ(s->deliveries.size(), i + 1);
    fail(stream, *s, i);
    executor.advance(seconds(5));
  }
  EXPECT_FALSE(log.contains("WARN"));
  EXPECT_TRUE(events.empty());
}

TEST_F(DispatcherRetryTest, messages_that_wait_for_their_next_try_take_no_room) {
  policy.max_retries = -1;
  policy.window.messages = 1;
  begin();
  for (int i = 0; i < 50; ++i) receive("a", "bad");
  receive("a", "good");
  executor.run();
  // There are far more failures than places in the window, and deliveries go on.
  for (std::size_t i = 0; i < 50; ++i) {
    fail(stream, *s, i);
    executor.run();
  }
  ASSERT_EQ(s->deliveries.size(), 51U);
  EXPECT_EQ(s->payloads().back(), "good");
  ack(stream, *s, 50);
  executor.advance(seconds(5));
  EXPECT_EQ(s->deliveries.size(), 52U) << "and the failed ones come again";
}

TEST_F(DispatcherRetryTest, retries_come_while_the_queue_has_nothing_else) {
  policy.max_retries = -1;
  begin();
  receive("a", "0");
  receive("a", "1");
  executor.run();
  fail(stream, *s, 0);
  executor.advance(seconds(2));
  fail(stream, *s, 1);
  executor.advance(seconds(3));
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "0"}));
  executor.advance(seconds(2));
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "0", "1"}));
}

TEST_F(DispatcherRetryTest, due_retry_goes_before_younger_messages) {
  policy.max_retries = -1;
  policy.window.messages = 1;
  begin();
  for (int i = 0; i < 3; ++i) receive("a", std::to_string(i));
  executor.run();
  fail(stream, *s, 0);
  executor.run();
  ASSERT_EQ(s->payloads(), (Payloads{"0", "1"}));
  executor.advance(seconds(6));
  ack(stream, *s, 1);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "0"}));
}

TEST_F(DispatcherRetryTest, failures_survive_the_stream_that_had_them) {
  policy.max_retries = 1;
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0);
  dispatcher->close(stream);
  EXPECT_EQ(dispatcher->in_flight(), 0U);
  executor.advance(seconds(60));
  stream = dispatcher->open(filter("a"), s);
  executor.run();
  ASSERT_EQ(s->deliveries.size(), 2U);
  EXPECT_EQ(s->deliveries[1].attempt, 2U);
  dispatcher->close(stream);  // not acknowledged: not a failure
  stream = dispatcher->open(filter("a"), s);
  executor.run();
  ASSERT_EQ(s->deliveries.size(), 3U);
  EXPECT_EQ(s->deliveries[2].attempt, 2U);
  fail(stream, *s, 2);
  EXPECT_EQ(counters.given_up, 1U);
}

TEST_F(DispatcherRetryTest, messages_that_are_always_due_again_do_not_starve_a_good_one) {
  policy.max_retries = -1;
  policy.retry_interval = milliseconds(0);
  policy.window.messages = 2;
  begin();
  for (const char* payload : {"bad", "bad", "bad", "good"}) receive("a", payload);
  std::size_t answered = 0;
  for (; answered < 10; ++answered) {
    executor.run();
    ASSERT_GT(s->deliveries.size(), answered);
    if (s->payloads()[answered] == "good") break;
    fail(stream, *s, answered);
  }
  EXPECT_LT(answered, 10U);
}

TEST_F(DispatcherRetryTest, stream_opened_while_a_retry_waits_gets_it_on_time) {
  policy.max_retries = -1;
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0);
  dispatcher->close(stream);
  executor.advance(seconds(2));
  const auto other = subscriber();
  dispatcher->open(filter("a"), other);
  executor.advance(milliseconds(2999));
  EXPECT_TRUE(other->deliveries.empty());
  executor.advance(milliseconds(1));
  EXPECT_EQ(other->payloads(), Payloads{"0"});
}

TEST_F(DispatcherRetryTest, retry_that_came_due_during_a_pause_goes_out_after_it) {
  policy.max_retries = -1;
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0);
  executor.run();
  dispatcher->pause();
  executor.advance(seconds(30));
  EXPECT_EQ(s->deliveries.size(), 1U);
  dispatcher->resume();
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U);
}

TEST_F(DispatcherRetryTest, message_too_large_for_the_peer_is_given_up_and_the_next_goes_on) {
  policy.max_retries = -1;
  begin();
  s->refuse_payload = "huge";
  receive("a", "0");
  receive("a", "huge");
  receive("a", "1");
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1"}));
  EXPECT_EQ(events, Payloads{"given up huge"});
  EXPECT_EQ(counters.too_large, 1U);
  EXPECT_EQ(counters.given_up, 0U);
  EXPECT_EQ(counters.delivered, 2U);
  EXPECT_TRUE(log.contains("WARN pubsub: dropped message 2 on topic \"a\""));
  EXPECT_EQ(dispatcher->in_flight(), 2U);
}

TEST_F(DispatcherRetryTest, strict_order_tries_a_failed_message_before_the_next) {
  policy.max_retries = 1;
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  for (int i = 0; i < 3; ++i) receive("a", std::to_string(i));
  executor.run();
  ASSERT_EQ(s->payloads(), Payloads{"0"});
  fail(stream, *s, 0);
  executor.advance(milliseconds(4999));
  ASSERT_EQ(s->payloads(), Payloads{"0"});
  executor.advance(milliseconds(1));
  ASSERT_EQ(s->payloads(), (Payloads{"0", "0"}));
  fail(stream, *s, 1);  // given up
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "0", "1"}));
}

TEST_F(DispatcherRetryTest, strict_order_goes_on_when_the_message_that_held_it_up_is_dropped) {
  policy.max_retries = -1;
  policy.order.mode = core::ConcurrencyMode::kSingle;
  limits = {.max_messages = 2, .max_bytes = 1U << 20U};
  begin();
  receive("a", "0");
  receive("a", "1");
  executor.run();
  fail(stream, *s, 0);
  executor.run();
  receive("b", "other");  // "a" is the fuller queue: its "0" is dropped
  executor.run();
  EXPECT_EQ(counters.dropped, 1U);
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1"}));
}

TEST_F(DispatcherRetryTest, strict_order_holds_over_several_streams) {
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  const auto other = subscriber();
  const StreamId second = dispatcher->open(filter("a"), other);
  for (int i = 0; i < 3; ++i) receive("a", std::to_string(i));
  executor.run();
  EXPECT_EQ(s->payloads(), Payloads{"0"});
  EXPECT_TRUE(other->deliveries.empty());
  ack(stream, *s, 0);
  executor.run();
  EXPECT_EQ(other->payloads(), Payloads{"1"});
  ack(second, *other, 0);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "2"}));
}

TEST_F(DispatcherRetryTest, failing_topic_holds_up_no_other) {
  policy.max_retries = -1;
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  const auto other = subscriber();
  const StreamId second = dispatcher->open(filter("b"), other);
  receive("a", "bad");
  for (int i = 0; i < 10; ++i) receive("b", std::to_string(i));
  executor.run();
  fail(stream, *s, 0);
  for (std::size_t i = 0; i < 10; ++i) {
    ack(second, *other, i);
    executor.run();
  }
  EXPECT_EQ(other->deliveries.size(), 10U);
  EXPECT_EQ(s->deliveries.size(), 1U);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
