#pragma once

#include <cstdint>
#include <random>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::base {

/// Exponential back-off with jitter: each delay is drawn evenly from the upper
/// half of [0, ceiling], and the ceiling doubles up to `max`. Not thread-safe.
class Backoff {
 public:
  Backoff(Duration initial, Duration max, std::uint64_t seed);

  Duration next();
  void reset();

 private:
  Duration initial_;
  Duration max_;
  Duration ceiling_;
  std::mt19937_64 random_;
};

}  // namespace dapr_mqtt::base
