#include "dapr_mqtt/base/backoff.h"

#include <algorithm>

namespace dapr_mqtt::base {

Backoff::Backoff(Duration initial, Duration max, std::uint64_t seed)
    : initial_(std::min(initial, max)), max_(max), ceiling_(initial_), random_(seed) {}

Duration Backoff::next() {
  std::uniform_int_distribution<Duration::rep> draw(ceiling_.count() / 2, ceiling_.count());
  const Duration delay(draw(random_));
  ceiling_ = std::min(ceiling_ * 2, max_);
  return delay;
}

void Backoff::reset() { ceiling_ = initial_; }

}  // namespace dapr_mqtt::base
