// Seeded schedules of kills, power cuts, full disks and broken connections. SEED=<n> repeats one
// schedule, SCHEDULES=<n> runs more of them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "simulation/crash_world.h"

namespace dapr_mqtt::simulation {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

const char* name_of(Mode mode) {
  switch (mode) {
    case Mode::kAuto: return "auto";
    case Mode::kBroker: return "broker";
    case Mode::kDisk: return "disk";
  }
  return "";
}

class CrashSimulation : public ::testing::TestWithParam<Mode> {};

TEST_P(CrashSimulation, nothing_that_the_broker_or_the_disk_keeps_is_lost) {
  const std::uint64_t first = number_from("SEED", 1);
  const std::uint64_t last =
      std::getenv("SEED") != nullptr ? first : number_from("SCHEDULES", DEFAULT_SCHEDULES);
  CrashWorld::Coverage sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CrashWorld world(seed, GetParam());
    const auto violation = world.run();
    ASSERT_FALSE(violation) << *violation << "; run it again with SEED=" << seed;
    const CrashWorld::Coverage& c = world.coverage();
    sum.kills += c.kills;
    sum.power_cuts += c.power_cuts;
    sum.moves += c.moves;
    sum.full_disks += c.full_disks;
    sum.breaks += c.breaks;
    sum.lost_acknowledgements += c.lost_acknowledgements;
    sum.handled_again += c.handled_again;
    sum.recognised += c.recognised;
    sum.redelivered += c.redelivered;
    sum.stored_and_lost += c.stored_and_lost;
    sum.drains += c.drains;
    sum.refused += c.refused;
    sum.jumps += c.jumps;
  }
  if (GetParam() == Mode::kBroker) {
    EXPECT_EQ(sum.stored_and_lost, 0U);
  }
  if (last - first < 300) return;
  if (GetParam() == Mode::kBroker) {
    EXPECT_GT(sum.refused, 50U) << "the inbox in memory is never overfull";
  }
  for (const std::uint64_t reached :
       {sum.kills, sum.power_cuts, sum.moves, sum.full_disks, sum.breaks, sum.lost_acknowledgements,
        sum.handled_again, sum.recognised, sum.redelivered, sum.jumps, sum.drains}) {
    EXPECT_GT(reached, 50U) << "the schedules no longer cover what they are for";
  }
}

/// Checks that the simulation finds a fault.
TEST_P(CrashSimulation, finds_an_acknowledgement_that_leaves_too_early) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    if (CrashWorld(seed, GetParam(), CrashWorld::Mutant::kAcknowledgesEarly).run()) return;
  }
  FAIL() << "not within 100 schedules";
}

INSTANTIATE_TEST_SUITE_P(Inbox, CrashSimulation,
                         ::testing::Values(Mode::kAuto, Mode::kBroker, Mode::kDisk),
                         [](const auto& mode) { return name_of(mode.param); });

}  // namespace
}  // namespace dapr_mqtt::simulation
