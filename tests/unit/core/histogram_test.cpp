#include "dapr_mqtt/core/histogram.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace dapr_mqtt::core {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(Histogram, counts_each_time_in_the_first_bucket_that_holds_it) {
  Histogram histogram;
  histogram.observe(nanoseconds(0));
  histogram.observe(microseconds(500));  // bounds are inclusive
  histogram.observe(microseconds(501));
  histogram.observe(hours(1));
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.counts[0], 2U);
  EXPECT_EQ(snapshot.counts[1], 1U);
  EXPECT_EQ(snapshot.counts.back(), 1U);
  EXPECT_EQ(snapshot.sum, hours(1) + microseconds(1001));
}

TEST(Histogram, has_bounds_that_rise) {
  for (std::size_t i = 1; i < Histogram::kBounds.size(); ++i) {
    EXPECT_LT(Histogram::kBounds[i - 1], Histogram::kBounds[i]);
  }
}

TEST(Histogram, loses_nothing_when_threads_write_at_once) {
  Histogram histogram;
  constexpr int kThreads = 4;
  constexpr int kEach = 10'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) histogram.observe(milliseconds(n % 100));
    });
  }
  for (auto& thread : threads) thread.join();
  const auto counts = histogram.snapshot().counts;
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), kThreads * kEach);
}

}  // namespace
}  // namespace dapr_mqtt::core
