#pragma once

#include <cstdint>
#include <random>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::base {

/// Exponential back-off with jitter: each delay is drawn evenly from [0, ceiling] or from its upper
/// half (Jitter), and the ceiling doubles up to `max`. Not thread-safe.
class Backoff {
 public:
  enum class Jitter {
    kHalf,  ///< the upper half: no delay is short
    kFull,  ///< the whole range: callers that start together spread out at once
  };
  Backoff(Duration initial, Duration max, std::uint64_t seed, Jitter jitter = Jitter::kHalf);

  Duration next();
  /// A delay drawn evenly from [0, most], at most `max`. Has no effect on next().
  Duration within(Duration most);
  void reset();

 private:
  Duration initial_;
  Duration max_;
  Duration ceiling_;
  Jitter jitter_;
  std::mt19937_64 random_;
};

}  // namespace dapr_mqtt::base
