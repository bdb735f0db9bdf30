#include "dapr_mqtt/base/clock.h"

#include <ctime>
#include <fstream>
#include <string>

#include "dapr_mqtt/base/encoding.h"

namespace dapr_mqtt::base {
namespace {

std::chrono::milliseconds since_boot() {
  std::timespec time{};
  // CLOCK_BOOTTIME exists since Linux 2.6.39; CLOCK_MONOTONIC stops while the machine is suspended.
  if (::clock_gettime(CLOCK_BOOTTIME, &time) != 0) ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::uint64_t boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!std::getline(file, id) || id.empty()) return 0;
  return fnv1a(id) >> 1U;  // fits a signed column
}

/// The wall time at which the machine booted, computed from both clocks at the first call.
WallTime booted() {
  static const WallTime time = SystemWallClock().now() - since_boot();
  return time;
}

}  // namespace

ClockReading read_clocks() {
  static const std::uint64_t this_boot = boot();
  const std::chrono::milliseconds elapsed = since_boot();
  return {SystemWallClock().now(), booted() + elapsed, elapsed, this_boot};
}

WallTime SteadyWallClock::now() const { return booted() + since_boot(); }

}  // namespace dapr_mqtt::base
