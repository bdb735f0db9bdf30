#include "publish/send_queue.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::publish {

void SendQueue::push(Entry entry) {
  const Token token = ++last_token_;
  // Most requests get the same time, so the newest one usually has the latest deadline.
  if (entry.deadline != base::TimePoint::max()) {
    deadlines_.emplace_hint(deadlines_.end(), entry.deadline, token);
  }
  entries_.emplace(token, std::move(entry));
  order_.push_back({false, token});
}

void SendQueue::push_hold(std::uint64_t id, base::TimePoint until) {
  holds_.emplace(id, until);
  order_.push_back({true, id});
}

void SendQueue::release_hold(std::uint64_t id) {
  holds_.erase(id);
  drop_gone_places();
}

bool SendQueue::held() const { return again_.empty() && !order_.empty() && order_.front().is_hold; }

std::optional<SendQueue::Start> SendQueue::start_next(
    const std::function<std::size_t(Token, core::QoS)>& window, base::TimePoint now) {
  drop_gone_places();
  const bool again = !again_.empty();
  if (!again && (order_.empty() || order_.front().is_hold)) return std::nullopt;
  const Token token = again ? *again_.begin() : order_.front().id;
  Entry& entry = entries_.at(token);
  if (in_flight_ >= window(token, entry.message.qos)) return std::nullopt;
  if (again) {
    again_.erase(again_.begin());
  } else {
    order_.pop_front();
  }
  entry.in_flight = true;
  entry.sent = now;
  ++in_flight_;
  return Start{token, &entry.message, entry.caller};
}

void SendQueue::send_again(Token token) {
  const auto it = entries_.find(token);
  if (it == entries_.end() || !it->second.in_flight) return;
  --in_flight_;
  if (it->second.caller->answered()) {
    deadlines_.erase({it->second.deadline, token});
    entries_.erase(it);
    return;
  }
  it->second.in_flight = false;
  again_.insert(token);
}

std::optional<SendQueue::Entry> SendQueue::finish(Token token) {
  auto node = entries_.extract(token);
  if (node.empty()) return std::nullopt;
  Entry entry = std::move(node.mapped());
  if (entry.in_flight) {
    --in_flight_;
  } else {
    again_.erase(token);
  }
  deadlines_.erase({entry.deadline, token});
  return entry;
}

std::vector<SendQueue::Entry> SendQueue::expire(base::TimePoint now) {
  std::vector<Entry> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Token token = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Entry& entry = entries_.at(token);
    if (entry.in_flight) {
      entry.message.payload = {};
      overdue_.emplace(std::max(now, entry.sent + patience_), token);
      expired.push_back(entry);
    } else {
      again_.erase(token);
      expired.push_back(std::move(entry));
      entries_.erase(token);
    }
  }
  drop_gone_places();
  return expired;
}

const SendQueue::Entry* SendQueue::unacknowledged(base::TimePoint now) {
  while (!overdue_.empty() && overdue_.begin()->first <= now) {
    const Token token = overdue_.begin()->second;
    overdue_.erase(overdue_.begin());
    const auto it = entries_.find(token);
    if (it == entries_.end() || !it->second.in_flight) continue;
    overdue_.emplace(now, token);
    for (const auto& [when, late] : std::exchange(overdue_, {})) {
      overdue_.emplace(now + patience_, late);
    }
    return &it->second;
  }
  return nullptr;
}

bool SendQueue::expire_holds(base::TimePoint now) {
  const std::size_t ended =
      std::erase_if(holds_, [&](const auto& hold) { return hold.second <= now; });
  if (ended != 0) drop_gone_places();
  return ended != 0;
}

std::optional<base::TimePoint> SendQueue::next_deadline() const {
  std::optional<base::TimePoint> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!overdue_.empty())
    next = next ? std::min(*next, overdue_.begin()->first) : overdue_.begin()->first;
  for (const auto& [id, until] : holds_) next = next ? std::min(*next, until) : until;
  return next;
}

std::vector<SendQueue::Entry> SendQueue::take_all() {
  std::map<Token, Entry> in_order;
  for (auto& [token, entry] : entries_) in_order.emplace(token, std::move(entry));
  entries_.clear();
  order_.clear();
  again_.clear();
  holds_.clear();
  deadlines_.clear();
  overdue_.clear();
  in_flight_ = 0;
  std::vector<Entry> all;
  for (auto& [token, entry] : in_order) all.push_back(std::move(entry));
  return all;
}

void SendQueue::drop_gone_places() {
  const auto gone = [this](const Place& place) {
    return place.is_hold ? !holds_.contains(place.id) : !entries_.contains(place.id);
  };
  while (!order_.empty() && gone(order_.front())) order_.pop_front();
  // Places of requests that expired behind the head would pile up while a broker is away.
  if (order_.size() > 2 * (entries_.size() + holds_.size()) + 64) std::erase_if(order_, gone);
}

}  // namespace dapr_mqtt::publish
