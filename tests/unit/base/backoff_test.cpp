#include "dapr_mqtt/base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dapr_mqtt::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, Draws_from_the_upper_half_of_a_ceiling_that_doubles_up_to_the_maximum) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff(seconds(1), seconds(30), seed);
    for (const int ceiling : {1, 2, 4, 8, 16, 30, 30, 30}) {
      const Duration delay = backoff.next();
      EXPECT_GE(delay, milliseconds(ceiling * 500)) << "seed " << seed;
      EXPECT_LE(delay, seconds(ceiling)) << "seed " << seed;
    }
  }
}

TEST(Backoff, Draws_from_all_of_the_ceiling_with_full_jitter) {
  Duration shortest = seconds(30);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff(seconds(1), seconds(5), seed, Backoff::Jitter::kFull);
    for (const int ceiling : {1, 2, 4, 5, 5}) {
      const Duration delay = backoff.next();
      EXPECT_GE(delay, Duration::zero());
      EXPECT_LE(delay, seconds(ceiling)) << "seed " << seed;
      if (ceiling == 5) shortest = std::min(shortest, delay);
    }
  }
  EXPECT_LE(shortest, milliseconds(500));
}

TEST(Backoff, Begins_again_after_reset) {
  Backoff backoff(seconds(1), seconds(30), 7);
  for (int i = 0; i < 10; ++i) backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), seconds(1));
}

TEST(Backoff, Never_exceeds_the_maximum_even_at_first) {
  Backoff backoff(seconds(10), seconds(3), 7);
  for (int i = 0; i < 10; ++i) EXPECT_LE(backoff.next(), seconds(3));
  backoff.reset();
  EXPECT_LE(backoff.next(), seconds(3));
}

TEST(Backoff, Differs_between_seeds_and_repeats_for_one) {
  const auto delays = [](std::uint64_t seed) {
    Backoff backoff(seconds(1), seconds(30), seed);
    std::vector<Duration> out;
    for (int i = 0; i < 5; ++i) out.push_back(backoff.next());
    return out;
  };
  EXPECT_EQ(delays(1), delays(1));
  EXPECT_NE(delays(1), delays(2));
}

TEST(Backoff, Draws_a_delay_within_a_bound_without_growing) {
  Backoff backoff(seconds(1), seconds(30), 7);
  Duration longest{};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = backoff.within(milliseconds(500));
    EXPECT_GE(delay, Duration::zero());
    EXPECT_LE(delay, milliseconds(500));
    longest = std::max(longest, delay);
  }
  EXPECT_GE(longest, milliseconds(400));
  EXPECT_LE(backoff.next(), seconds(1));
  EXPECT_LE(Backoff(seconds(1), milliseconds(1), 7).within(seconds(1)), milliseconds(1));
}

TEST(Backoff, Of_zero_is_zero) {
  Backoff backoff(Duration::zero(), Duration::zero(), 1);
  EXPECT_EQ(backoff.next(), Duration::zero());
}

}  // namespace
}  // namespace dapr_mqtt::base
