#include "dapr_mqtt/base/backoff.h"

#include <algorithm>

namespace dapr_mqtt::base {

Backoff::Backoff(Duration initial, Duration max, std::uint64_t seed, Jitter jitter)
    : initial_(std::min(initial, max)),
      max_(max),
      ceiling_(initial_),
      jitter_(jitter),
      random_(seed) {}

Duration Backoff::next() {
  const Duration::rep least = jitter_ == Jitter::kHalf ? ceiling_.count() / 2 : 0;
  std::uniform_int_distribution<Duration::rep> draw(least, ceiling_.count());
  const Duration delay(draw(random_));
  ceiling_ = std::min(ceiling_ * 2, max_);
  return delay;
}

Duration Backoff::within(Duration most) {
  std::uniform_int_distribution<Duration::rep> draw(0, std::min(most, max_).count());
  return Duration(draw(random_));
}

void Backoff::reset() { ceiling_ = initial_; }

}  // namespace dapr_mqtt::base
