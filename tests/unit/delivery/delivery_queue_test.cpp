#include "delivery/delivery_queue.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::delivery {
namespace {

struct DeliveryQueueTest : ::testing::Test {
  DeliveryQueue queue{core::TopicFilter::parse("a/#").value(), 1};
  DeliveryStream one{queue, nullptr, {.messages = 1}};
  DeliveryStream two{queue, nullptr, {.messages = 1}};
  DeliveryStream three{queue, nullptr, {.messages = 1}};

  DeliveryStream* turn() {
    DeliveryStream* stream = queue.next_with_room();
    if (stream != nullptr) queue.pass_turn();
    return stream;
  }
};

TEST_F(DeliveryQueueTest, streams_take_turns) {
  queue.add(one);
  queue.add(two);
  EXPECT_EQ(turn(), &one);
  EXPECT_EQ(turn(), &two);
  EXPECT_EQ(turn(), &one);
}

TEST_F(DeliveryQueueTest, looking_does_not_cost_the_turn) {
  queue.add(one);
  queue.add(two);
  EXPECT_EQ(queue.next_with_room(), &one);
  EXPECT_EQ(queue.next_with_room(), &one);
}

TEST_F(DeliveryQueueTest, full_and_ended_streams_are_passed_over) {
  for (auto* stream : {&one, &two, &three}) queue.add(*stream);
  one.window.add(1);
  two.ended = true;
  EXPECT_EQ(turn(), &three);
  EXPECT_EQ(turn(), &three);
  three.window.add(1);
  EXPECT_EQ(turn(), nullptr);
  one.window.remove(1);
  EXPECT_EQ(turn(), &one);
}

TEST_F(DeliveryQueueTest, stream_that_leaves_takes_no_other_ones_turn) {
  for (auto* stream : {&one, &two, &three}) queue.add(*stream);
  EXPECT_EQ(turn(), &one);
  queue.remove(one);
  EXPECT_EQ(turn(), &two);
  EXPECT_EQ(turn(), &three);
  queue.remove(three);
  EXPECT_EQ(turn(), &two);
  queue.remove(two);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(turn(), nullptr);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
