// An app that daprd cannot reach has failed nothing.
#include "delivery/app_watch.h"

#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = core::DeliveryError::Kind;

struct AppWatchTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;

  void begin() {
    start();
    table.set(0, {filter("a"), filter("b")});
    stream = dispatcher->open(filter("a"), s);
  }
  void receive_numbers(std::size_t count, const std::string& topic = "a") {
    for (std::size_t i = 0; i < count; ++i) receive(topic, std::to_string(i));
    executor.run();
  }
  /// Answers every open delivery of the stream as "app not reached".
  void miss_all(std::size_t& answered) {
    while (answered < s->deliveries.size()) miss(stream, *s, answered++);
    executor.run();
  }
};

TEST_F(AppWatchTest, nothing_is_given_up_or_counted_while_the_app_is_away) {
  begin();
  receive_numbers(2000);
  std::size_t answered = 0;
  miss_all(answered);
  EXPECT_EQ(answered, policy.window.messages) << "deliveries that were under way";
  executor.advance(minutes(10));
  miss_all(answered);
  EXPECT_EQ(counters.given_up, 0U);
  EXPECT_EQ(counters.failed, 0U);
  EXPECT_EQ(counters.not_reached, answered);
  EXPECT_EQ(inbox->usage().messages, 2000U);
  EXPECT_EQ(s->deliveries.back().attempt, 1U);
}

TEST_F(AppWatchTest, one_message_is_tried_now_and_then) {
  begin();
  receive_numbers(500);
  std::size_t answered = 0;
  miss_all(answered);
  executor.advance(milliseconds(499));
  EXPECT_EQ(s->deliveries.size(), answered);
  executor.advance(milliseconds(501));
  ASSERT_EQ(s->deliveries.size(), answered + 1);
  EXPECT_EQ(s->payloads().back(), "0") << "the oldest";
  executor.advance(minutes(1));
  EXPECT_EQ(s->deliveries.size(), answered + 1) << "one at a time";
  const std::size_t before = answered;
  for (int i = 0; i < 600; ++i) {
    miss_all(answered);
    executor.advance(seconds(1));
  }
  EXPECT_GT(answered - before, 55U);  // 10 minutes, 5 to 10 s each
  EXPECT_LT(answered - before, 135U);
}

TEST_F(AppWatchTest, slow_older_delivery_keeps_back_no_try) {
  begin();
  receive_numbers(3);
  ack(stream, *s, 2);
  miss(stream, *s, 0);
  executor.advance(milliseconds(499));
  EXPECT_EQ(s->deliveries.size(), 3U);
  executor.advance(milliseconds(501));
  ASSERT_EQ(s->deliveries.size(), 4U);
  EXPECT_EQ(s->payloads().back(), "0");
  executor.advance(minutes(1));
  receive_numbers(3);
  EXPECT_EQ(s->deliveries.size(), 4U) << "one at a time";
  ack(stream, *s, 3);
  executor.run();
  EXPECT_EQ(counters.app_unreachable, 0);
  EXPECT_EQ(s->deliveries.size(), 7U);
}

TEST_F(AppWatchTest, deliveries_that_come_back_one_by_one_bring_no_more_tries) {
  begin();
  receive_numbers(100);
  std::size_t answered = 0;
  for (int second = 0; second < 60; ++second) {
    miss(stream, *s, answered++);
    executor.advance(seconds(1));
  }
  EXPECT_LE(s->deliveries.size(), 100U + 15U);
}

TEST_F(AppWatchTest, app_that_is_back_gets_all_in_order) {
  policy.window.messages = 10;
  begin();
  receive_numbers(100);
  std::size_t answered = 0;
  miss_all(answered);
  executor.advance(seconds(1));
  const std::size_t first = answered;
  for (; answered < s->deliveries.size(); ++answered) {
    ack(stream, *s, answered);
    executor.run();
  }
  Payloads expected;
  for (int i = 0; i < 100; ++i) expected.push_back(std::to_string(i));
  const Payloads all = s->payloads();
  EXPECT_EQ(Payloads(all.begin() + static_cast<std::ptrdiff_t>(first), all.end()), expected);
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_FALSE(executor.has_timer());
}

TEST_F(AppWatchTest, strict_order_is_kept) {
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  receive_numbers(5);
  std::size_t answered = 0;
  miss_all(answered);
  EXPECT_EQ(answered, 1U);
  executor.advance(seconds(1));
  for (; answered < s->deliveries.size(); ++answered) {
    ack(stream, *s, answered);
    executor.run();
  }
  EXPECT_EQ(s->payloads(), (Payloads{"0", "0", "1", "2", "3", "4"}));
}

TEST_F(AppWatchTest, message_keeps_its_failures) {
  policy.max_retries = 1;
  begin();
  receive_numbers(1);
  fail(stream, *s, 0);
  executor.advance(seconds(5));
  miss(stream, *s, 1);
  executor.advance(seconds(1));
  ASSERT_EQ(s->deliveries.size(), 3U);
  EXPECT_EQ(s->deliveries[2].attempt, 2U);
  fail(stream, *s, 2);
  EXPECT_EQ(events, Payloads{"given up 0"});
}

TEST_F(AppWatchTest, verdict_says_that_the_app_is_there) {
  policy.max_retries = -1;
  begin();
  receive_numbers(3);
  miss(stream, *s, 0);
  fail(stream, *s, 1);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"0", "1", "2", "0"})) << "without a pause";
  EXPECT_EQ(counters.app_unreachable, 0);
}

TEST_F(AppWatchTest, begin_and_end_are_told_once_and_shown) {
  begin();
  receive_numbers(3);
  for (std::size_t i = 0; i < 3; ++i) miss(stream, *s, i);
  EXPECT_EQ(counters.app_unreachable, 1);
  EXPECT_TRUE(log.contains("WARN pubsub: daprd cannot reach the app (\"connection refused\")"));
  executor.advance(seconds(30));
  miss(stream, *s, 3);
  executor.advance(seconds(30));
  ack(stream, *s, 4);
  EXPECT_EQ(counters.app_unreachable, 0);
  EXPECT_TRUE(
      log.contains("INFO pubsub: the app answers again after 60 s; 3 message(s) have "
                   "waited"))
      << log.text();
  const std::string text = log.text();
  EXPECT_EQ(text.find("cannot reach"), text.rfind("cannot reach")) << text;
}

TEST_F(AppWatchTest, other_streams_try_as_soon_as_one_has_an_answer) {
  begin();
  const auto other = subscriber();
  const StreamId second = dispatcher->open(filter("b"), other);
  receive_numbers(1);
  receive_numbers(3, "b");
  miss(stream, *s, 0);
  for (std::size_t i = 0; i < 3; ++i) miss(second, *other, i);
  // Until the pauses between tries are long.
  std::size_t mine = 1, its = 3;
  for (int i = 0; i < 60; ++i) {
    executor.advance(seconds(1));
    if (mine < s->deliveries.size() && i < 59) miss(stream, *s, mine++);
    if (its < other->deliveries.size()) miss(second, *other, its++);
  }
  while (mine == s->deliveries.size()) executor.advance(milliseconds(100));
  if (its < other->deliveries.size()) miss(second, *other, its++);
  ack(stream, *s, mine);
  executor.advance(AppWatch::kShortestPause);
  EXPECT_EQ(other->deliveries.size(), its + 1);
}

TEST_F(AppWatchTest, new_stream_makes_the_others_try) {
  begin();
  receive_numbers(1);
  std::size_t answered = 0;
  for (int i = 0; i < 60; ++i) {
    miss_all(answered);
    executor.advance(seconds(1));
  }
  miss_all(answered);
  dispatcher->open(filter("b"), subscriber());
  executor.advance(AppWatch::kShortestPause);
  EXPECT_EQ(s->deliveries.size(), answered + 1);
}

TEST_F(AppWatchTest, subscription_that_is_gone_holds_up_no_other) {
  begin();
  const auto other = subscriber();
  const StreamId second = dispatcher->open(filter("b"), other);
  receive_numbers(1);
  miss(stream, *s, 0);
  for (std::size_t i = 0; i < 1000; ++i) {
    receive("b", "x");
    executor.run();
    ASSERT_EQ(other->deliveries.size(), i + 1);
    ack(second, *other, i);
    executor.advance(milliseconds(1));
  }
  EXPECT_LE(s->deliveries.size(), 4U) << "it is not tried each time that the others are";
  EXPECT_EQ(counters.app_unreachable, 1);
  dispatcher->close(stream);
  EXPECT_EQ(counters.app_unreachable, 0);
}

TEST_F(AppWatchTest, broken_connection_holds_like_an_absent_app) {
  begin();
  receive_numbers(10);
  for (std::size_t i = 0; i < 10; ++i) miss(stream, *s, i, Kind::kInterrupted);
  EXPECT_EQ(counters.given_up, 0U);
  executor.advance(seconds(1));
  EXPECT_EQ(s->deliveries.size(), 11U);
  EXPECT_EQ(s->deliveries.back().attempt, 1U);
}

TEST_F(AppWatchTest, message_that_breaks_the_connection_again_and_again_fails) {
  begin();
  receive_numbers(2);
  miss(stream, *s, 1, Kind::kUnreachable);
  std::size_t n = 0;
  miss(stream, *s, n, Kind::kInterrupted);
  n = 2;
  for (unsigned i = 1; i < AppWatch::kMaxInterruptions; ++i) {
    while (s->deliveries.size() == n) executor.advance(milliseconds(100));
    ASSERT_EQ(s->payloads().back(), "0");
    miss(stream, *s, n++, Kind::kInterrupted);
  }
  EXPECT_EQ(events, Payloads{"given up 0"});
  while (s->deliveries.size() == n) executor.advance(milliseconds(100));
  EXPECT_EQ(s->payloads().back(), "1");
}

TEST_F(AppWatchTest, drain_ends_when_all_have_come_back) {
  begin();
  receive_numbers(2);
  bool drained = false;
  dispatcher->drain([&] { drained = true; });
  miss(stream, *s, 0);
  miss(stream, *s, 1);
  executor.advance(minutes(1));
  EXPECT_TRUE(drained);
  EXPECT_EQ(s->deliveries.size(), 2U);
  EXPECT_EQ(inbox->usage().messages, 2U);
}

TEST_F(AppWatchTest, pause_lasts_over_a_try) {
  begin();
  receive_numbers(1);
  miss(stream, *s, 0);
  dispatcher->pause();
  executor.advance(minutes(1));
  EXPECT_EQ(s->deliveries.size(), 1U);
  dispatcher->resume();
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U);
}

TEST_F(AppWatchTest, stream_that_closes_while_it_waits_leaves_nothing_behind) {
  begin();
  receive_numbers(1);
  miss(stream, *s, 0);
  dispatcher->close(stream);
  EXPECT_FALSE(executor.has_timer());
  EXPECT_TRUE(log.contains("have ended; 1 message(s) wait")) << log.text();
}

TEST_F(AppWatchTest, interruptions_of_the_oldest_message_are_counted_among_many_others) {
  const storage::MemoryInbox empty(core::InboxLimits{});
  AppWatch watch(executor, empty, counters, base::Log(log, "c"), [](DeliveryStream&) {});
  constexpr core::InboxId kOldest = 1;
  for (core::InboxId other = kOldest + 1; other <= 2000; ++other) {
    EXPECT_FALSE(watch.interrupted_too_often(other));
  }
  for (unsigned times = 1; times < AppWatch::kMaxInterruptions; ++times) {
    EXPECT_FALSE(watch.interrupted_too_often(kOldest));
  }
  EXPECT_TRUE(watch.interrupted_too_often(kOldest));
}

}  // namespace
}  // namespace dapr_mqtt::delivery
