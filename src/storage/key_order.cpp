#include "storage/key_order.h"

namespace dapr_mqtt::storage {

using Order = core::Inbox::Order;

KeyOrder::Places::const_iterator KeyOrder::oldest(const Places& places, Key key) {
  const auto it = places.lower_bound({key, 0});
  return it == places.end() || it->first.first != key ? places.end() : it;
}

void KeyOrder::add(Key key, Id id, base::WallTime due) {
  const auto first = oldest(waiting_, key);
  if (!is_taken(key) && (first == waiting_.end() || id < first->first.second)) {
    if (first != waiting_.end()) free_.remove(first->first.second);
    free_.add(id, due);
  }
  waiting_.emplace(Place{key, id}, due);
}

void KeyOrder::remove(Key key, Id id) {
  if (now_read(id)) return;
  const auto it = waiting_.find({key, id});
  if (it == waiting_.end()) return;
  const bool may_be_taken = !is_taken(key) && oldest(waiting_, key) == it;
  waiting_.erase(it);
  if (!may_be_taken) return;
  free_.remove(id);
  if (const auto next = oldest(waiting_, key); next != waiting_.end()) {
    free_.add(next->first.second, next->second);
  }
}

void KeyOrder::take(Key key, Id id) {
  if (const auto next = oldest(waiting_, key); next != waiting_.end() && !is_taken(key)) {
    free_.remove(next->first.second);
  }
  taken_.emplace(Place{key, id}, base::WallTime{});
}

void KeyOrder::give_back(Key key, Id id) {
  if (now_read(id)) return;
  if (taken_.erase({key, id}) == 0 || is_taken(key)) return;
  if (const auto next = oldest(waiting_, key); next != waiting_.end()) {
    free_.add(next->first.second, next->second);
  }
}

std::optional<KeyOrder::Id> KeyOrder::next(base::WallTime now) {
  return unread_.empty() ? free_.next(now, Order::kReady) : std::nullopt;
}

std::optional<KeyOrder::Id> KeyOrder::oldest_waiting(Key key) const {
  const auto it = oldest(waiting_, key);
  return it == waiting_.end() ? std::nullopt : std::optional(it->first.second);
}

std::optional<base::WallTime> KeyOrder::next_due() const {
  return unread_.empty() ? free_.next_due(Order::kReady) : std::optional(read_again);
}

}  // namespace dapr_mqtt::storage
