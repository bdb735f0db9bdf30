#pragma once

#include <chrono>

namespace dapr_mqtt::base {

/// Wall-clock time, for what outlives the process (due times in a durable
/// inbox, message expiry). In-process waiting uses TimePoint (executor.h).
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Thread-safe.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual WallTime now() const = 0;
};

class SystemWallClock final : public WallClock {
 public:
  WallTime now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
};

}  // namespace dapr_mqtt::base
