#include "delivery/retry.h"

#include <gtest/gtest.h>

#include <limits>

namespace dapr_mqtt::delivery {
namespace {

constexpr base::WallTime kNow{std::chrono::hours(1)};

Policy policy(std::int64_t max_retries) {
  Policy p;
  p.max_retries = max_retries;
  p.retry_interval = std::chrono::seconds(5);
  return p;
}

TEST(NextTry, no_retries_gives_up_at_the_first_failure) {
  EXPECT_EQ(next_try(policy(0), 1, kNow), std::nullopt);
}

TEST(NextTry, retries_are_counted_without_the_first_delivery) {
  EXPECT_EQ(next_try(policy(2), 1, kNow), kNow + std::chrono::seconds(5));
  EXPECT_EQ(next_try(policy(2), 2, kNow), kNow + std::chrono::seconds(5));
  EXPECT_EQ(next_try(policy(2), 3, kNow), std::nullopt);
}

TEST(NextTry, minus_one_tries_for_ever) {
  constexpr auto kMany = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(next_try(policy(-1), kMany, kNow), kNow + std::chrono::seconds(5));
}

}  // namespace
}  // namespace dapr_mqtt::delivery
