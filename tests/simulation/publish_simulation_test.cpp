#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "simulation/publish_world.h"

namespace dapr_mqtt::simulation {
namespace {

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional(std::strtoull(text, nullptr, 10));
}

TEST(PublishSimulation, no_schedule_breaks_a_promise) {
  const auto asked = number_from("SEED");
  const std::uint64_t first = asked.value_or(1);
  const std::uint64_t last = asked ? *asked : number_from("SCHEDULES").value_or(DEFAULT_SCHEDULES);
  PublishWorld::Coverage sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    PublishWorld world(seed);
    const auto violation = world.run();
    ASSERT_FALSE(violation) << *violation << "; run it again with SEED=" << seed;
    const PublishWorld::Coverage& c = world.coverage();
    sum.ok += c.ok;
    sum.rejected += c.rejected;
    sum.unavailable += c.unavailable;
    sum.timed_out += c.timed_out;
    sum.closes += c.closes;
    sum.left += c.left;
    sum.longest = std::max(sum.longest, c.longest);
  }
  std::printf(
      "%llu ok, %llu rejected, %llu unavailable, %llu timed out, %llu closes, %llu left, longest %.1f s\n",
      static_cast<unsigned long long>(sum.ok), static_cast<unsigned long long>(sum.rejected),
      static_cast<unsigned long long>(sum.unavailable),
      static_cast<unsigned long long>(sum.timed_out), static_cast<unsigned long long>(sum.closes),
      static_cast<unsigned long long>(sum.left),
      std::chrono::duration<double>(sum.longest).count());
  if (last - first < 1000) return;
  for (const std::uint64_t reached : {sum.ok, sum.rejected, sum.timed_out, sum.left}) {
    EXPECT_GT(reached, 100U) << "the schedules no longer cover what they are for";
  }
}

}  // namespace
}  // namespace dapr_mqtt::simulation
