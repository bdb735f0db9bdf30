#include "dapr_mqtt/base/clock.h"

#include <gtest/gtest.h>

#include "support/wall_clock_stand_in.h"

namespace dapr_mqtt::base {
namespace {

using dapr_mqtt::testing::wall_jump;
using std::chrono::hours;
using std::chrono::seconds;

TEST(Clocks, wall_clock_that_jumps_does_not_move_the_steady_one) {
  const SteadyWallClock clock;
  const WallTime before = clock.now();
  const WallTime wall = SystemWallClock().now();
  for (const auto jump : {hours(-24), hours(24 * 400)}) {
    wall_jump = seconds(jump).count();
    EXPECT_GE(SystemWallClock().now(), wall + jump);
    EXPECT_LT(SystemWallClock().now(), wall + jump + hours(1)) << "the test sets the wall clock";
    EXPECT_GE(clock.now(), before);
    EXPECT_LT(clock.now(), before + hours(1));
  }
  wall_jump = 0;
}

TEST(Clocks, reading_has_all_of_one_moment) {
  const ClockReading first = read_clocks();
  const ClockReading second = read_clocks();
  EXPECT_EQ(second.steady - first.steady, second.since_boot - first.since_boot);
  EXPECT_EQ(first.boot, second.boot);
  EXPECT_GT(first.since_boot, seconds(0));
}

}  // namespace
}  // namespace dapr_mqtt::base
