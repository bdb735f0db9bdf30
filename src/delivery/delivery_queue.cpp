#include "delivery/delivery_queue.h"

#include <algorithm>

namespace dapr_mqtt::delivery {

void DeliveryQueue::remove(const DeliveryStream& stream) {
  const auto it = std::find(streams_.begin(), streams_.end(), &stream);
  if (it == streams_.end()) return;
  // The others keep their turns.
  if (static_cast<std::size_t>(it - streams_.begin()) < turn_) --turn_;
  streams_.erase(it);
}

DeliveryStream* DeliveryQueue::next_with_room() {
  for (std::size_t n = 0; n < streams_.size(); ++n) {
    if (turn_ >= streams_.size()) turn_ = 0;
    if (streams_[turn_]->has_room()) return streams_[turn_];
    ++turn_;
  }
  return nullptr;
}

std::size_t DeliveryQueue::held() const {
  std::size_t sum = 0;
  for (const DeliveryStream* stream : streams_) sum += stream->held.size();
  return sum;
}

}  // namespace dapr_mqtt::delivery
