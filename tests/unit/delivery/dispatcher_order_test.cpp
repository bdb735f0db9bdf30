// ConcurrencyMode::kOrdered, and what the log says about messages that wait.
#include "delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct DispatcherOrderTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;

  DispatcherOrderTest() {
    policy.order.mode = core::ConcurrencyMode::kOrdered;
    policy.max_retries = -1;
  }
  void begin() {
    start();
    table.set(0, {filter("d/+")});
    stream = dispatcher->open(filter("d/+"), s);
  }
};

TEST_F(DispatcherOrderTest, one_message_of_each_topic_is_out_and_all_topics_side_by_side) {
  begin();
  for (const char* payload : {"1", "2"}) {
    for (const char* topic : {"d/a", "d/b", "d/c"}) receive(topic, topic + std::string(payload));
  }
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"d/a1", "d/b1", "d/c1"}));
  ack(stream, *s, 1);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"d/a1", "d/b1", "d/c1", "d/b2"}));
}

TEST_F(DispatcherOrderTest, failed_message_comes_again_before_the_next_of_its_topic) {
  begin();
  for (const char* topic : {"d/bad", "d/good", "d/bad", "d/good"}) receive(topic, topic);
  executor.run();
  fail(stream, *s, 0);
  ack(stream, *s, 1);
  executor.advance(milliseconds(4999));
  EXPECT_EQ(s->payloads(), (Payloads{"d/bad", "d/good", "d/good"}));
  executor.advance(milliseconds(1));
  ASSERT_EQ(s->payloads(), (Payloads{"d/bad", "d/good", "d/good", "d/bad"}));
  EXPECT_EQ(s->deliveries.back().attempt, 2U);
  ack(stream, *s, 3);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 5U);
}

TEST_F(DispatcherOrderTest, holds_over_several_streams_which_share_by_what_they_hold) {
  begin();
  const auto other = subscriber();
  const StreamId second = dispatcher->open(filter("d/+"), other);
  for (int n = 0; n < 2; ++n) {
    for (const char* topic : {"d/a", "d/b", "d/c", "d/d"}) receive(topic, topic);
  }
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U);
  EXPECT_EQ(other->deliveries.size(), 2U);
  ack(second, *other, 0);
  ack(second, *other, 1);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), 2U) << "the other stream has nothing to do";
  EXPECT_EQ(other->deliveries.size(), 4U);
}

TEST_F(DispatcherOrderTest, window_holds_for_all_topics_together) {
  policy.window.messages = 2;
  begin();
  for (const char* topic : {"d/a", "d/b", "d/c"}) receive(topic, topic);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"d/a", "d/b"}));
}

TEST_F(DispatcherOrderTest, stream_that_closes_gives_back_in_order) {
  begin();
  for (const char* payload : {"1", "2"}) receive("d/a", payload);
  executor.run();
  dispatcher->close(stream);
  stream = dispatcher->open(filter("d/+"), s);
  executor.run();
  ASSERT_EQ(s->payloads(), (Payloads{"1", "1"}));
  ack(stream, *s, 1);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"1", "1", "2"}));
}

TEST_F(DispatcherOrderTest, given_up_message_lets_the_next_of_its_topic_go) {
  policy.max_retries = 0;
  begin();
  for (const char* payload : {"1", "2"}) receive("d/a", payload);
  executor.run();
  fail(stream, *s, 0);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"1", "2"}));
}

TEST_F(DispatcherOrderTest, next_of_a_topic_waits_for_the_dead_letter_before_it) {
  policy.max_retries = 0;
  inbox.emplace(limits);
  std::vector<core::InboxId> letters;
  DispatcherHooks hooks;
  hooks.dead_letter = [&](const GivenUp& g) { letters.push_back(g.delivery.id); };
  make_dispatcher(*inbox, hooks);
  make_intake();
  table.set(0, {filter("d/+")});
  stream = dispatcher->open(filter("d/+"), s);
  for (const char* payload : {"1", "2"}) receive("d/a", payload);
  executor.run();
  fail(stream, *s, 0);
  executor.run();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(s->payloads(), Payloads{"1"});
  dispatcher->dead_lettered(letters[0]);
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"1", "2"}));
}

TEST_F(DispatcherOrderTest, newest_stream_says_how_for_all) {
  begin();
  for (const char* payload : {"1", "2", "3"}) receive("d/a", payload);
  executor.run();
  ASSERT_EQ(s->payloads(), Payloads{"1"});
  const auto other = subscriber();
  dispatcher->open(filter("d/+"), other, {core::ConcurrencyMode::kParallel});
  executor.run();
  EXPECT_EQ(s->deliveries.size() + other->deliveries.size(), 3U);
}

TEST_F(DispatcherOrderTest, waits_for_keys_while_a_stream_has_room_and_nothing_may_go) {
  policy.window.messages = 2;
  begin();
  receive("d/a", "1");
  executor.run();
  EXPECT_TRUE(dispatcher->waits_for_keys()) << "with room for another one";
  receive("d/b", "1");
  executor.run();
  EXPECT_FALSE(dispatcher->waits_for_keys()) << "the window is full";
  ack(stream, *s, 0);
  ack(stream, *s, 1);
  executor.run();
  EXPECT_FALSE(dispatcher->waits_for_keys()) << "no delivery is out that messages could wait for";
}

TEST_F(DispatcherOrderTest, log_names_the_topic_that_waits_for_long) {
  begin();
  receive("d/bad", "x");
  executor.run();
  fail(stream, *s, 0, "HTTP 500");
  EXPECT_EQ(log.count("WARN"), 0U) << "the next try is near";
  for (std::size_t n = 1; n < 100; ++n) {
    executor.advance(seconds(5));
    fail(stream, *s, n, "HTTP 500");
  }
  EXPECT_TRUE(log.contains(
      "WARN pubsub: message 1 on topic \"d/bad\" (filter \"d/+\") has failed 2 times, and those "
      "that came later with its key wait for it (concurrencyMode ordered); daprd says: \"HTTP "
      "500\"; next try in 5000 ms"));
  EXPECT_LE(log.count("WARN"), 30U) << "of 99 in 8 minutes";
}

TEST_F(DispatcherOrderTest,
       log_names_the_message_that_all_others_of_a_single_subscription_wait_for) {
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  receive("d/bad", "x");
  executor.run();
  fail(stream, *s, 0, "HTTP 500");
  executor.advance(seconds(5));
  fail(stream, *s, 1, "HTTP 500");
  EXPECT_TRUE(
      log.contains("topic \"d/bad\" (filter \"d/+\") has failed 2 times, and all of the "
                   "filter's messages wait for it (concurrencyMode single)"));
}

TEST_F(DispatcherOrderTest, parallel_says_nothing_since_nobody_waits) {
  policy.order = {};
  begin();
  receive("d/bad", "x");
  executor.run();
  for (std::size_t n = 0; n < 30; ++n) {
    fail(stream, *s, n);
    executor.advance(seconds(5));
  }
  EXPECT_EQ(log.count("WARN"), 0U);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
