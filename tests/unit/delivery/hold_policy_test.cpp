#include "dapr_mqtt/delivery/hold_policy.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::milliseconds;

constexpr int kSilenceIntervals = HoldPolicy::kSilence / HoldPolicy::kInterval;

/// Held messages with these ids, all of them delivered to the app.
HoldPolicy::Facts facts(core::InboxId oldest, std::size_t held, core::InboxId last) {
  HoldPolicy::Facts facts;
  facts.last_id = last;
  facts.held.oldest = held > 0 ? oldest : 0;
  facts.held.usage.messages = held;
  facts.in_flight = held;
  facts.window = 100;
  return facts;
}

AppPace pace(std::uint64_t answers, std::uint64_t overtaking, std::uint64_t together,
             base::Duration shortest) {
  AppPace pace;
  pace.answers = answers;
  pace.overtaking = overtaking;
  pace.together = together;
  pace.shortest = shortest;
  return pace;
}

TEST(HoldPolicy, leaves_what_is_handled_in_order_to_the_broker) {
  HoldPolicy policy;
  for (core::InboxId i = 1; i < 1000; i += 20) {
    auto now = facts(i, 20, i + 19);
    now.pace = pace(20, 0, 0, milliseconds(100));
    const auto decision = policy.decide(now);
    EXPECT_EQ(decision.store_up_to, 0U);
    EXPECT_FALSE(decision.store_arrivals);
  }
}

TEST(HoldPolicy, stores_what_the_app_has_been_silent_about) {
  HoldPolicy policy;
  EXPECT_EQ(policy.decide(facts(1, 5, 5)).store_up_to, 0U);
  for (int i = 1; i < kSilenceIntervals; ++i)
    EXPECT_EQ(policy.decide(facts(1, 7, 7)).store_up_to, 0U);
  EXPECT_EQ(policy.decide(facts(1, 7, 7)).store_up_to, 5U) << "two came a moment later";
  EXPECT_EQ(policy.decide(facts(6, 2, 7)).store_up_to, 7U);
}

TEST(HoldPolicy, counts_silence_anew_when_nothing_was_held_meanwhile) {
  HoldPolicy policy;
  for (int i = 0; i < kSilenceIntervals - 1; ++i) policy.decide(facts(1, 5, 5));
  policy.decide(facts(0, 0, 5));
  EXPECT_EQ(policy.decide(facts(6, 1, 6)).store_up_to, 0U);
}

TEST(HoldPolicy, stores_a_message_that_holds_up_acknowledgements) {
  HoldPolicy policy;
  EXPECT_EQ(policy.decide(facts(1, 20, 20)).store_up_to, 0U);
  EXPECT_EQ(policy.decide(facts(1, 14, 20)).store_up_to, 0U) << "six wait";
  EXPECT_EQ(policy.decide(facts(1, 12, 20)).store_up_to, 20U) << "eight wait";
}

TEST(HoldPolicy, gives_a_message_the_time_of_a_look_before_it_counts_as_holding_up_others) {
  HoldPolicy policy;
  policy.decide(facts(1, 1, 1));
  EXPECT_EQ(policy.decide(facts(2, 2, 20)).store_up_to, 0U);
}

TEST(HoldPolicy, stores_ahead_for_an_app_that_works_on_all_that_the_broker_sends) {
  HoldPolicy policy;
  auto now = facts(1, 20, 20);
  now.pace = pace(20, 0, 18, milliseconds(10));
  const auto decision = policy.decide(now);
  EXPECT_TRUE(decision.store_arrivals);
  EXPECT_EQ(decision.store_up_to, 20U);
  // Nothing is held any more, and the app goes on in the same way.
  now = facts(0, 0, 200);
  now.pace = pace(100, 60, 0, milliseconds(10));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(policy.decide(now).store_arrivals);
}

TEST(HoldPolicy, stops_storing_ahead_when_the_app_rests) {
  HoldPolicy policy;
  auto now = facts(1, 20, 20);
  now.pace = pace(20, 10, 0, milliseconds(10));
  ASSERT_TRUE(policy.decide(now).store_arrivals);
  int looks = 0;
  while (policy.decide(facts(0, 0, 20)).store_arrivals) ASSERT_LT(++looks, 200);
}

TEST(HoldPolicy, does_not_store_ahead_for_an_app_that_is_fast_or_full_or_takes_one_at_a_time) {
  for (const auto& p : {pace(20, 10, 10, milliseconds(1)), pace(20, 0, 2, milliseconds(200))}) {
    HoldPolicy policy;
    auto now = facts(1, 20, 20);
    now.pace = p;
    EXPECT_FALSE(policy.decide(now).store_arrivals);
  }
  HoldPolicy policy;
  auto full = facts(1, 100, 100);
  full.pace = pace(20, 10, 10, milliseconds(10));
  EXPECT_FALSE(policy.decide(full).store_arrivals);
}

TEST(AppPace, tells_answers_that_come_together_from_those_that_come_one_by_one) {
  base::TimePoint now{std::chrono::hours(1)};
  AppPace together;
  for (int batch = 0; batch < 5; ++batch) {  // 20 at a time, 10 ms each
    now += milliseconds(10);
    for (std::size_t n = 20; n > 0; --n) together.answered(now, now - milliseconds(10), true, n);
  }
  EXPECT_EQ(together.answers, 100U);
  EXPECT_GE(together.together, 90U);
  AppPace one_by_one;
  one_by_one.last = now;
  for (int i = 0; i < 100; ++i) {  // 20 wait, and are handled one after the other in 10 ms each
    now += milliseconds(10);
    one_by_one.answered(now, now - milliseconds(200), true, 20);
  }
  EXPECT_EQ(one_by_one.together, 0U);
  EXPECT_EQ(one_by_one.overtaking, 0U);
  EXPECT_EQ(one_by_one.shortest, milliseconds(200));
}

TEST(HoldPolicy, stores_what_waits_for_others_of_its_key_and_keeps_the_rest_away) {
  HoldPolicy policy;
  auto now = facts(1, 20, 20);
  now.in_flight = 2;
  now.waits_for_keys = true;
  EXPECT_EQ(policy.decide(now).store_up_to, 0U) << "they have just come";
  const auto decision = policy.decide(now);
  EXPECT_EQ(decision.store_up_to, 20U);
  EXPECT_TRUE(decision.store_arrivals);

  HoldPolicy few;
  now.in_flight = 15;
  EXPECT_EQ(few.decide(now).store_up_to, 0U);
  EXPECT_EQ(few.decide(now).store_up_to, 0U) << "the broker's window is with the app";
}

}  // namespace
}  // namespace dapr_mqtt::delivery
