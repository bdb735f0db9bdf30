#include <gtest/gtest.h>

#include <cstdlib>

#include "simulation/delivery_world.h"

namespace dapr_mqtt::simulation {
namespace {

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional(std::strtoull(text, nullptr, 10));
}

TEST(DeliverySimulation, no_schedule_breaks_a_promise) {
  const auto asked = number_from("SEED");
  const std::uint64_t first = asked.value_or(1);
  const std::uint64_t last = asked ? *asked : number_from("SCHEDULES").value_or(DEFAULT_SCHEDULES);
  World::Coverage sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    World world(seed);
    const auto violation = world.run();
    ASSERT_FALSE(violation) << *violation << "; run it again with SEED=" << seed;
    const World::Coverage& c = world.coverage();
    sum.delivered += c.delivered;
    sum.redelivered += c.redelivered;
    sum.given_up += c.given_up;
    sum.too_large += c.too_large;
    sum.dropped += c.dropped;
    sum.unknown_acks += c.unknown_acks;
    sum.intake_stops += c.intake_stops;
    sum.returned += c.returned;
    sum.drains += c.drains;
    sum.not_reached += c.not_reached;
  }
  if (last - first < 1000) return;
  for (const std::uint64_t reached :
       {sum.delivered, sum.redelivered, sum.given_up, sum.too_large, sum.dropped, sum.unknown_acks,
        sum.intake_stops, sum.returned, sum.drains, sum.not_reached}) {
    EXPECT_GT(reached, 100U) << "the schedules no longer cover what they are for";
  }
}

}  // namespace
}  // namespace dapr_mqtt::simulation
