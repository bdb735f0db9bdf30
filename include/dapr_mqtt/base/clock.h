#pragma once

#include <chrono>
#include <cstdint>

namespace dapr_mqtt::base {

/// Time as people and other machines know it. In-process waiting uses TimePoint (executor.h).
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Thread-safe.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual WallTime now() const = 0;
};

/// The machine's wall clock. It may jump, by years when it is set for the first time: use it for
/// what is shown to people and other programs, never for waiting or for computing ages.
class SystemWallClock final : public WallClock {
 public:
  WallTime now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
};

/// What the clocks say at one moment.
struct ClockReading {
  WallTime wall{};                         ///< SystemWallClock
  WallTime steady{};                       ///< SteadyWallClock
  std::chrono::milliseconds since_boot{};  ///< CLOCK_BOOTTIME: never jumps, counts suspend too
  std::uint64_t boot = 0;                  ///< differs for each start of the machine; 0: not known
};

/// Thread-safe; never fails.
ClockReading read_clocks();

/// The wall clock's value at the process's first call, plus the time that has passed since
/// (CLOCK_BOOTTIME): it never jumps. For due times and for the age and expiry of messages. It may
/// be far from the right time, so it is of no use outside the process; storage/file_clock.h carries
/// it over restarts.
class SteadyWallClock final : public WallClock {
 public:
  WallTime now() const override;
};

}  // namespace dapr_mqtt::base
