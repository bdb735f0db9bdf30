#include "publish/send_queue.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::publish {
namespace {

using std::chrono::seconds;

const base::TimePoint kStart{seconds(1000)};

SendQueue::Entry entry(const std::string& topic, core::QoS qos = core::QoS::kAtLeastOnce,
                       base::TimePoint deadline = kStart + seconds(10)) {
  return {{core::TopicName::parse(topic).value(), "payload", qos, false, nullptr},
          deadline,
          std::make_shared<Caller>([](const base::Status&) {}, 7, kStart),
          false};
}

std::size_t window(SendQueue::Token, core::QoS qos) {
  return qos == core::QoS::kExactlyOnce ? 1 : 2;
}

std::string next_topic(SendQueue& queue) {
  const auto next = queue.start_next(window, kStart);
  return next ? next->message->topic.str() : "none";
}

TEST(SendQueue, gives_requests_in_order_up_to_the_window) {
  SendQueue queue;
  for (const char* topic : {"a", "b", "c"}) queue.push(entry(topic));
  EXPECT_EQ(next_topic(queue), "a");
  EXPECT_EQ(next_topic(queue), "b");
  EXPECT_EQ(next_topic(queue), "none");
  ASSERT_TRUE(queue.finish(1));
  EXPECT_EQ(next_topic(queue), "c");
}

TEST(SendQueue, keeps_a_qos_2_request_to_the_window_of_qos_2) {
  SendQueue queue;
  queue.push(entry("a"));
  queue.push(entry("b", core::QoS::kExactlyOnce));
  queue.push(entry("c"));
  EXPECT_EQ(next_topic(queue), "a");
  EXPECT_EQ(next_topic(queue), "none");  // in order: c does not overtake b
  ASSERT_TRUE(queue.finish(1));
  EXPECT_EQ(next_topic(queue), "b");
}

TEST(SendQueue, sends_what_came_back_first_and_in_its_order) {
  SendQueue queue;
  for (const char* topic : {"a", "b", "c"}) queue.push(entry(topic));
  next_topic(queue);
  next_topic(queue);
  queue.send_again(2);
  queue.send_again(1);
  EXPECT_EQ(next_topic(queue), "a");
  EXPECT_EQ(next_topic(queue), "b");
}

TEST(SendQueue, holds_back_what_came_after_a_hold_only) {
  SendQueue queue;
  queue.push(entry("before"));
  queue.push_hold(1, kStart + seconds(5));
  queue.push(entry("after"));
  EXPECT_EQ(next_topic(queue), "before");
  EXPECT_EQ(next_topic(queue), "none");
  EXPECT_TRUE(queue.held());
  queue.release_hold(1);
  EXPECT_EQ(next_topic(queue), "after");
}

TEST(SendQueue, ends_a_hold_at_its_time) {
  SendQueue queue;
  queue.push_hold(1, kStart + seconds(5));
  queue.push(entry("after"));
  EXPECT_EQ(queue.next_deadline(), kStart + seconds(5));
  EXPECT_FALSE(queue.expire_holds(kStart + seconds(4)));
  EXPECT_TRUE(queue.expire_holds(kStart + seconds(5)));
  EXPECT_EQ(next_topic(queue), "after");
}

TEST(SendQueue, expired_in_flight_keeps_its_place_in_the_window_until_finished) {
  SendQueue queue;
  queue.push(entry("a", core::QoS::kExactlyOnce, kStart));
  queue.push(entry("b", core::QoS::kExactlyOnce));
  next_topic(queue);
  const auto expired = queue.expire(kStart);
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_TRUE(expired[0].in_flight);
  EXPECT_EQ(expired[0].caller->bytes(), 7U);
  EXPECT_EQ(next_topic(queue), "none");
  const auto finished = queue.finish(1);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->caller, expired[0].caller);  // which can be answered only once
  EXPECT_EQ(next_topic(queue), "b");
}

TEST(SendQueue, does_not_send_again_what_was_answered_meanwhile) {
  SendQueue queue;
  queue.push(entry("a", core::QoS::kAtLeastOnce, kStart));
  next_topic(queue);
  const auto expired = queue.expire(kStart);
  ASSERT_EQ(expired.size(), 1U);
  ASSERT_TRUE(expired[0].caller->claim());
  queue.send_again(1);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.in_flight(), 0U);
}

TEST(SendQueue, does_not_grow_with_what_expired_behind_a_head_that_stays) {
  SendQueue queue;
  queue.push(entry("head", core::QoS::kAtLeastOnce, base::TimePoint::max()));
  for (int i = 0; i < 100'000; ++i) {
    queue.push(entry("x", core::QoS::kAtLeastOnce, kStart));
    ASSERT_EQ(queue.expire(kStart).size(), 1U);
  }
  EXPECT_EQ(next_topic(queue), "head");
  EXPECT_EQ(next_topic(queue), "none");
}

TEST(SendQueue, gives_all_unanswered_in_order_when_emptied) {
  SendQueue queue;
  for (const char* topic : {"a", "b", "c"}) queue.push(entry(topic));
  next_topic(queue);
  const auto all = queue.take_all();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].message.topic.str(), "a");
  EXPECT_EQ(all[2].message.topic.str(), "c");
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace dapr_mqtt::publish
