#include "dapr_mqtt/core/suspicion.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::core {
namespace {

constexpr std::size_t kWindow = 50;

TEST(Suspicion, Rejects_what_the_broker_closes_for_a_second_time_when_it_was_sent_alone) {
  Suspicion<int> suspicion;
  suspicion.connected();
  for (int i = 0; i < 3; ++i) suspicion.sent();
  suspicion.closed_by_broker({1, 2, 3});
  EXPECT_TRUE(suspicion.suspects(2));
  EXPECT_EQ(suspicion.connected(), std::nullopt) << "one close says nothing of one of three";
  EXPECT_EQ(suspicion.window(1, kWindow), 1U);
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), 1);
  EXPECT_FALSE(suspicion.suspects(1));
  EXPECT_TRUE(suspicion.open()) << "2 and 3 are still to be tried";
}

TEST(Suspicion, Lets_more_suspects_go_with_the_answers_and_all_requests_when_none_is_left) {
  Suspicion<int> suspicion;
  std::vector<int> open;
  for (int i = 0; i < 20; ++i) open.push_back(i);
  suspicion.closed_by_broker(open);
  suspicion.connected();
  std::size_t before = 1;
  for (int i = 0; i < 19; ++i) {
    EXPECT_GE(suspicion.window(19, kWindow), before);
    EXPECT_LE(suspicion.window(19, kWindow), before + 1);
    before = suspicion.window(19, kWindow);
    EXPECT_EQ(suspicion.window(19, 1), 1U) << "never more than otherwise";
    EXPECT_EQ(suspicion.window(99, kWindow), 1U) << "no suspect: it waits for them";
    suspicion.answered(i);
  }
  EXPECT_GT(before, 1U);
  suspicion.answered(19);
  EXPECT_FALSE(suspicion.open());
  EXPECT_EQ(suspicion.window(99, kWindow), kWindow);
}

TEST(Suspicion, Tries_one_at_a_time_again_when_the_broker_closes_on_several) {
  Suspicion<int> suspicion;
  std::vector<int> open;
  for (int i = 0; i < 12; ++i) open.push_back(i);
  suspicion.closed_by_broker(open);
  suspicion.connected();
  for (int i = 0; i < 10; ++i) {
    suspicion.sent();
    suspicion.answered(i);
  }
  suspicion.sent();
  suspicion.sent();
  suspicion.closed_by_broker({10, 11});
  EXPECT_EQ(suspicion.connected(), std::nullopt);
  EXPECT_EQ(suspicion.window(10, kWindow), 1U);
}

TEST(Suspicion, Does_not_reject_what_was_open_alone_only_once) {
  Suspicion<int> suspicion;
  suspicion.connected();
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), std::nullopt);
  suspicion.sent();
  suspicion.answered(1);
  EXPECT_FALSE(suspicion.open());
}

TEST(Suspicion, Does_not_reject_anything_when_the_next_connection_is_to_another_node) {
  Suspicion<int> suspicion;
  for (int i = 0; i < 3; ++i) suspicion.sent();
  suspicion.closed_by_broker({1, 2, 3});  // the broker was killed
  suspicion.connected(true);
  EXPECT_FALSE(suspicion.open());
  suspicion.sent();
  suspicion.closed_by_broker({1});  // the next broker was not ready yet
  EXPECT_EQ(suspicion.connected(), std::nullopt) << "it closed for the first time";
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), 1) << "this node is there, and closes again";
}

TEST(Suspicion, Does_not_reject_anything_when_the_broker_is_not_back_at_once) {
  Suspicion<int> suspicion;
  suspicion.closed_by_broker({1});
  suspicion.connected();
  suspicion.sent();
  suspicion.closed_by_broker({1});
  suspicion.not_connected();  // refused: the broker was shutting down
  EXPECT_EQ(suspicion.connected(), std::nullopt);
  EXPECT_TRUE(suspicion.suspects(1)) << "it is tried alone once more";
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), 1);
}

TEST(Suspicion, Does_not_reject_a_request_when_one_that_has_no_answer_may_have_been_the_cause) {
  Suspicion<int> suspicion;
  suspicion.closed_by_broker({1});
  suspicion.connected();
  suspicion.sent();  // QoS 0
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), std::nullopt);
  suspicion.sent();  // now alone
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), 1);
}

TEST(Suspicion, Has_no_suspect_when_nothing_was_open) {
  Suspicion<int> suspicion;
  suspicion.connected();
  suspicion.sent();
  suspicion.answered(1);
  suspicion.closed_by_broker({});
  EXPECT_FALSE(suspicion.open());
  EXPECT_EQ(suspicion.connected(), std::nullopt);
}

TEST(Suspicion, Rejects_what_was_rejected_before_at_its_first_close) {
  Suspicion<int> suspicion;
  suspicion.connected();
  suspicion.suspect(1);
  EXPECT_EQ(suspicion.window(1, kWindow), 1U);
  suspicion.sent();
  suspicion.closed_by_broker({1});
  EXPECT_EQ(suspicion.connected(), 1);
}

TEST(Suspicion, Ends_with_the_last_suspect_that_is_not_wanted_any_more) {
  Suspicion<int> suspicion;
  suspicion.closed_by_broker({1, 2});
  suspicion.connected();
  suspicion.sent();
  suspicion.closed_by_broker({1});
  suspicion.keep_if([](int id) { return id != 1; });
  EXPECT_EQ(suspicion.connected(), std::nullopt) << "nobody waits for that answer";
  suspicion.forget(2);
  EXPECT_FALSE(suspicion.open());
}

}  // namespace
}  // namespace dapr_mqtt::core
