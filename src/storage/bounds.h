// Bounds for values that are read from a row or a record. Values beyond them are damaged.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dapr_mqtt::storage {

/// 250 years. Calculations overflow with times farther from 1970, or with longer durations.
inline constexpr std::chrono::milliseconds kFarthest{8'000'000'000'000};

constexpr std::chrono::milliseconds within_bounds(std::int64_t ms) {
  return std::clamp(std::chrono::milliseconds(ms), -kFarthest, kFarthest);
}
constexpr bool in_bounds(std::chrono::milliseconds time) {
  return time >= -kFarthest && time <= kFarthest;
}

/// The most connections that an instance has; their indexes are below this.
inline constexpr std::size_t kMostConnections = 1000;

}  // namespace dapr_mqtt::storage
