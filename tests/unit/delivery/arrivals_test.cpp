#include "dapr_mqtt/delivery/arrivals.h"

#include <gtest/gtest.h>

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

TEST_F(ArrivalsTest, unclaimed_message_wakes_only_when_there_is_something_to_do) {
  arrivals.note_unclaimed(false, false);
  executor.run();
  EXPECT_EQ(wakes, 0);
  arrivals.note_unclaimed(true, false);
  executor.run();
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(batch.claim_again);
  EXPECT_TRUE(batch.queues.empty());
  arrivals.note_unclaimed(false, true);
  executor.run();
  EXPECT_TRUE(batch.inbox_full);
  EXPECT_FALSE(batch.claim_again);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
