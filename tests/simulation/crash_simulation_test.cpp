// Seeded schedules of kills, power cuts and full disks. SEED=<n> runs one again,
// SCHEDULES=<n> more.
#include <gtest/gtest.h>

#include <cstdlib>

#include "simulation/crash_world.h"

namespace dapr_mqtt::simulation {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(CrashSimulation, nothing_that_was_acknowledged_to_the_broker_is_lost) {
  const std::uint64_t first = number_from("SEED", 1);
  const std::uint64_t last =
      std::getenv("SEED") != nullptr ? first : number_from("SCHEDULES", CRASH_SCHEDULES);
  CrashWorld::Coverage sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CrashWorld world(seed);
    const auto violation = world.run();
    ASSERT_FALSE(violation) << *violation << "; run it again with SEED=" << seed;
    const CrashWorld::Coverage& c = world.coverage();
    sum.kills += c.kills;
    sum.power_cuts += c.power_cuts;
    sum.full_disks += c.full_disks;
    sum.came_again += c.came_again;
    sum.kept_back += c.kept_back;
    sum.lost_qos0 += c.lost_qos0;
    sum.redelivered += c.redelivered;
  }
  if (last - first < 300) return;
  for (const std::uint64_t reached : {sum.kills, sum.power_cuts, sum.full_disks, sum.kept_back,
                                      sum.came_again, sum.lost_qos0, sum.redelivered}) {
    EXPECT_GT(reached, 50U) << "the schedules no longer reach what they are to test";
  }
}

}  // namespace
}  // namespace dapr_mqtt::simulation
