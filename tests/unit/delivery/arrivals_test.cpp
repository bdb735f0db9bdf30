#include "dapr_mqtt/delivery/arrivals.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/manual_executor.h"

namespace dapr_mqtt::delivery {
namespace {

struct ArrivalsTest : ::testing::Test {
  testing::ManualExecutor executor;
  int wakes = 0;
  Arrivals::Batch batch;
  Arrivals arrivals{executor, [this] {
                      ++wakes;
                      batch = arrivals.take();
                    }};
};

TEST_F(ArrivalsTest, any_number_of_messages_wakes_once) {
  for (int i = 0; i < 1000; ++i) arrivals.note(i % 2 == 0 ? "a" : "b", false);
  executor.run();
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(batch.queues.size(), 2U);
  EXPECT_FALSE(batch.inbox_full);
}

TEST_F(ArrivalsTest, message_after_the_batch_was_taken_wakes_again) {
  arrivals.note("a", false);
  executor.run();
  arrivals.note("b", true);
  executor.run();
  EXPECT_EQ(wakes, 2);
  EXPECT_FALSE(batch.queues.contains("a"));
  EXPECT_TRUE(batch.queues.contains("b"));
  EXPECT_TRUE(batch.inbox_full);
}

TEST_F(ArrivalsTest, unclaimed_message_wakes_since_it_may_be_held_for_nobody) {
  arrivals.note_unclaimed(false, false);
  executor.run();
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(batch.claim_again);
  arrivals.note_unclaimed(true, false);
  executor.run();
  EXPECT_EQ(wakes, 2);
  EXPECT_TRUE(batch.claim_again);
  EXPECT_TRUE(batch.queues.empty());
  arrivals.note_unclaimed(false, true);
  executor.run();
  EXPECT_TRUE(batch.inbox_full);
  EXPECT_FALSE(batch.claim_again);
}

TEST_F(ArrivalsTest, each_thread_enters_since_another_may_be_held_up_before_it_does) {
  arrivals.note("a", false);
  std::thread([&] {
    for (int i = 0; i < 10; ++i) arrivals.note("a", false);
  }).join();
  executor.run();
  EXPECT_EQ(wakes, 2);
}

TEST_F(ArrivalsTest, message_that_is_stored_wakes_although_another_thread_is_going_to_enter) {
  arrivals.note("a", false);
  for (int i = 0; i < 10; ++i) arrivals.note("a", false, Arrivals::WakeBy::kPost);
  for (int i = 0; i < 10; ++i) arrivals.note("a", false);
  executor.run();
  EXPECT_EQ(wakes, 2);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
