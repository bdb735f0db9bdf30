#include "delivery/delivery_queue.h"

#include <algorithm>

namespace dapr_mqtt::delivery {

void DeliveryQueue::remove(const DeliveryStream& stream) {
  const auto it = std::find(streams_.begin(), streams_.end(), &stream);
  if (it == streams_.end()) return;
  // The other streams keep their turns.
  if (static_cast<std::size_t>(it - streams_.begin()) < turn_) --turn_;
  streams_.erase(it);
}

void DeliveryQueue::set_order(core::DeliveryOrder order) {
  order_ = std::move(order);
  switch (order_.mode) {
    case core::ConcurrencyMode::kParallel: inbox_order_ = core::Inbox::Order::kReady; break;
    case core::ConcurrencyMode::kSingle: inbox_order_ = core::Inbox::Order::kStrict; break;
    case core::ConcurrencyMode::kOrdered: inbox_order_ = core::Inbox::Order::kByKey; break;
  }
}

/// Order::kStrict does not take messages by key, but a durable inbox has to store them in order.
std::optional<core::OrderKey> DeliveryQueue::inbox_key() const {
  switch (order_.mode) {
    case core::ConcurrencyMode::kParallel: break;
    case core::ConcurrencyMode::kSingle: return core::OrderKey::all();
    case core::ConcurrencyMode::kOrdered: return order_.key;
  }
  return std::nullopt;
}

DeliveryStream* DeliveryQueue::next_with_room() {
  // daprd may hand over one message of each stream at a time, so no message should wait behind
  // another one while a stream has nothing to do.
  DeliveryStream* best = nullptr;
  std::size_t turn = turn_;
  for (std::size_t n = 0; n < streams_.size(); ++n, ++turn) {
    if (turn >= streams_.size()) turn = 0;
    DeliveryStream* stream = streams_[turn];
    if (!stream->has_room()) continue;
    if (best != nullptr && stream->held.size() >= best->held.size()) continue;
    best = stream;
    turn_ = turn;
  }
  return best;
}

std::size_t DeliveryQueue::held() const {
  std::size_t sum = 0;
  for (const DeliveryStream* stream : streams_) sum += stream->held.size();
  return sum;
}

}  // namespace dapr_mqtt::delivery
