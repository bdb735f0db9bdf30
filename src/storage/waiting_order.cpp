#include "storage/waiting_order.h"

namespace dapr_mqtt::storage {
namespace {

constexpr base::WallTime kPast{};

}  // namespace

void WaitingOrder::add(Id id, base::WallTime due) {
  if (due == kPast) {
    ready_.emplace_hint(ready_.end(), id);  // usually the youngest
    return;
  }
  delayed_.emplace(id, due);
  delayed_by_due_.emplace(due, id);
}

base::WallTime WaitingOrder::remove(Id id) {
  if (!ready_.empty() && *ready_.begin() == id) {  // the usual case
    ready_.erase(ready_.begin());
    return kPast;
  }
  if (ready_.erase(id) > 0) return kPast;
  const auto it = delayed_.find(id);
  if (it == delayed_.end()) return kPast;
  const base::WallTime due = it->second;
  delayed_by_due_.erase({due, id});
  delayed_.erase(it);
  return due;
}

std::optional<WaitingOrder::Id> WaitingOrder::next(base::WallTime now, Order order) {
  delayed_was_last_before_ = delayed_was_last_;
  if (order == Order::kStrict) {
    const auto first = oldest();
    if (!first || first->second > now) return std::nullopt;
    return first->first;
  }
  const bool due = !delayed_by_due_.empty() && delayed_by_due_.begin()->first <= now;
  if (!due && ready_.empty()) return std::nullopt;
  delayed_was_last_ = due && (ready_.empty() || !delayed_was_last_);
  return delayed_was_last_ ? delayed_by_due_.begin()->second : *ready_.begin();
}

std::optional<base::WallTime> WaitingOrder::next_due(Order order) const {
  if (order == Order::kStrict) {
    const auto first = oldest();
    return first ? std::optional(first->second) : std::nullopt;
  }
  if (!ready_.empty()) return kPast;
  if (!delayed_by_due_.empty()) return delayed_by_due_.begin()->first;
  return std::nullopt;
}

std::optional<WaitingOrder::Id> WaitingOrder::next_after(Id id) const {
  const auto ready = ready_.upper_bound(id);
  const auto delayed = delayed_.upper_bound(id);
  if (ready == ready_.end() && delayed == delayed_.end()) return std::nullopt;
  if (ready == ready_.end()) return delayed->first;
  if (delayed == delayed_.end()) return *ready;
  return std::min(*ready, delayed->first);
}

std::optional<std::pair<WaitingOrder::Id, base::WallTime>> WaitingOrder::oldest() const {
  if (empty()) return std::nullopt;
  if (delayed_.empty() || (!ready_.empty() && *ready_.begin() < delayed_.begin()->first)) {
    return std::pair{*ready_.begin(), kPast};
  }
  return *delayed_.begin();
}

}  // namespace dapr_mqtt::storage
