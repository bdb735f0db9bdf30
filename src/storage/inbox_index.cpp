#include "storage/inbox_index.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace dapr_mqtt::storage {
namespace {

/// How many messages claim, discard and abandon handle before they let an append in.
constexpr std::size_t kAtATime = 512;

void note_eviction(core::AppendOutcome& outcome, std::string_view queue, core::QoS qos) {
  ++outcome.dropped;
  auto it = std::find_if(outcome.evicted.begin(), outcome.evicted.end(),
                         [&](const core::Evicted& e) { return e.queue == queue; });
  if (it == outcome.evicted.end()) {
    it = outcome.evicted.insert(it, core::Evicted{std::string(queue)});
  }
  ++it->messages;
  if (qos == core::QoS::kAtMostOnce) ++it->qos0;
}

}  // namespace

core::AppendOutcome InboxIndex::refused(std::string_view queue, core::QoS qos) const {
  core::AppendOutcome outcome;
  note_eviction(outcome, queue, qos);
  outcome.full = full();
  return outcome;
}

core::AppendOutcome InboxIndex::append(InboxId id, std::string_view queue_name, IndexItem item,
                                       std::vector<Gone>& gone) {
  core::AppendOutcome outcome;
  outcome.id = id;
  restore(id, queue_name, std::move(item));
  while (over()) {
    InboxQueue* fullest =
        usage_.messages > limits_.max_messages ? fullest_.by_messages() : fullest_.by_bytes();
    if (fullest == nullptr) break;  // the rest may not be dropped
    const InboxId oldest = *fullest->evictable.begin();
    note_eviction(outcome, fullest->name, items_.at(oldest).qos);
    gone.push_back(drop(oldest));
    if (oldest == id) {
      outcome.id = 0;
      break;
    }
  }
  outcome.full = full();
  return outcome;
}

void InboxIndex::restore(InboxId id, std::string_view queue_name, IndexItem item) {
  InboxQueue& queue = queue_at(queue_name);
  item.queue = &queue;
  const IndexItem& kept = items_.insert_or_assign(id, std::move(item)).first->second;
  queue.waiting.add(id, kept.due);
  if (kept.message) bytes_in_memory_ += kept.bytes;
  hold(queue, id, kept);
  arrivals_.add(id, kept.received, items_.size(),
                [this](InboxId old) { return items_.contains(old); });
}

std::optional<base::WallTime> InboxIndex::oldest_received() const {
  return arrivals_.oldest([this](InboxId id) { return items_.contains(id); });
}

std::optional<InboxIndex::Taken> InboxIndex::take(std::string_view queue_name, base::WallTime now,
                                                  Order order) {
  InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr) return std::nullopt;
  const auto id = queue->waiting.next(now, order);
  if (!id) return std::nullopt;
  IndexItem& item = items_.at(*id);
  stop_waiting(*queue, *id, item);
  item.taken = true;
  fullest_.update(*queue);
  return Taken{*id, item.message, item.failures};
}

std::optional<base::WallTime> InboxIndex::next_due(std::string_view queue_name, Order order) const {
  const auto it = queues_.find(queue_name);
  return it == queues_.end() ? std::nullopt : it->second->waiting.next_due(order);
}

std::optional<InboxIndex::Gone> InboxIndex::settle(InboxId id) {
  if (taken(id) == nullptr) return std::nullopt;
  return drop(id);
}

bool InboxIndex::release(InboxId id, std::uint32_t failures, base::WallTime due) {
  IndexItem* item = taken(id);
  if (item == nullptr) return false;
  item->taken = false;
  item->failures = failures;
  item->due = due;
  item->queue->waiting.add(id, due);
  wait_evictable(*item->queue, id, *item);
  fullest_.update(*item->queue);
  return true;
}

bool InboxIndex::claim_some(const core::TopicFilter& filter, InboxId& after, InboxId last,
                            std::vector<InboxId>& moved) {
  InboxQueue* from = find_queue(core::Inbox::kUnclaimed);
  for (std::size_t n = 0; n < kAtATime; ++n) {
    const auto id = from == nullptr ? std::nullopt : from->waiting.next_after(after);
    if (!id || *id > last) return false;
    after = *id;
    IndexItem& item = items_.at(*id);
    const std::string& topic = item.message ? item.message->topic : *item.topic;
    if (!filter.matches(topic)) continue;
    InboxQueue& to = queue_at(filter.str());
    const base::WallTime due = stop_waiting(*from, *id, item);
    let_go(*from, item);
    item.queue = &to;
    item.topic.reset();
    to.waiting.add(*id, due);
    hold(to, *id, item);
    moved.push_back(*id);
    from = find_queue(core::Inbox::kUnclaimed);  // the last one out takes the queue with it
  }
  return true;
}

bool InboxIndex::discard_some(std::string_view queue_name, InboxId& after, InboxId last,
                              std::vector<Gone>& gone) {
  for (std::size_t n = 0; n < kAtATime; ++n) {
    const InboxQueue* queue = find_queue(queue_name);
    const auto id = queue == nullptr ? std::nullopt : queue->waiting.next_after(after);
    if (!id || *id > last) return false;
    after = *id;
    gone.push_back(drop(*id));
  }
  return true;
}

bool InboxIndex::abandon_some(std::string_view queue_name, InboxId& after, InboxId last,
                              std::size_t& count) {
  InboxQueue* queue = find_queue(queue_name);
  for (std::size_t n = 0; n < kAtATime; ++n) {
    const auto id = queue == nullptr ? std::nullopt : queue->waiting.next_after(after);
    if (!id || *id > last) return false;
    after = *id;
    ++count;
    IndexItem& item = items_.at(*id);
    if (item.evictable) continue;
    item.evictable = true;
    wait_evictable(*queue, *id, item);
    fullest_.update(*queue);
  }
  return true;
}

std::vector<std::string> InboxIndex::queues() const {
  std::vector<std::string> names;
  for (const auto& [name, queue] : queues_) names.push_back(name);
  return names;
}

std::optional<InboxIndex::Gone> InboxIndex::remove(InboxId id) {
  if (!items_.contains(id)) return std::nullopt;
  return drop(id);
}

const IndexItem* InboxIndex::find(InboxId id) const {
  const auto it = items_.find(id);
  return it == items_.end() ? nullptr : &it->second;
}

void InboxIndex::forget_message(InboxId id) {
  const auto it = items_.find(id);
  if (it == items_.end() || !it->second.message) return;
  IndexItem& item = it->second;
  if (item.queue->name == core::Inbox::kUnclaimed) {
    item.topic = std::make_unique<const std::string>(item.message->topic);
  }
  item.message.reset();
  bytes_in_memory_ -= item.bytes;
}

/// What may not be dropped.
core::InboxUsage InboxIndex::kept() const {
  return {usage_.messages - evictable_.messages, usage_.bytes - evictable_.bytes};
}

/// Whether there is room once all that may be dropped is gone.
bool InboxIndex::could_fit(std::size_t bytes) const {
  return kept().messages + 1 <= limits_.max_messages && kept().bytes + bytes <= limits_.max_bytes;
}

InboxQueue* InboxIndex::find_queue(std::string_view name) {
  const auto it = queues_.find(name);
  return it == queues_.end() ? nullptr : it->second.get();
}

InboxQueue& InboxIndex::queue_at(std::string_view name) {
  if (InboxQueue* queue = find_queue(name)) return *queue;
  auto queue = std::make_unique<InboxQueue>(std::string(name), ++last_queue_);
  return *queues_.emplace(name, std::move(queue)).first->second;
}

IndexItem* InboxIndex::taken(InboxId id) {
  const auto it = items_.find(id);
  return it == items_.end() || !it->second.taken ? nullptr : &it->second;
}

/// `queue` holds it from now on; its place in the order has been made.
void InboxIndex::hold(InboxQueue& queue, InboxId id, const IndexItem& item) {
  queue.held.messages += 1;
  queue.held.bytes += item.bytes;
  usage_.messages += 1;
  usage_.bytes += item.bytes;
  wait_evictable(queue, id, item);
  fullest_.update(queue);
}

/// The opposite, when it waits no more; takes an empty queue away.
void InboxIndex::let_go(InboxQueue& queue, const IndexItem& item) {
  queue.held.messages -= 1;
  queue.held.bytes -= item.bytes;
  usage_.messages -= 1;
  usage_.bytes -= item.bytes;
  fullest_.update(queue);
  if (queue.held.messages == 0) queues_.erase(queues_.find(queue.name));
}

void InboxIndex::wait_evictable(InboxQueue& queue, InboxId id, const IndexItem& item) {
  if (!item.evictable) return;
  queue.evictable.emplace_hint(queue.evictable.end(), id);
  evictable_.messages += 1;
  evictable_.bytes += item.bytes;
}

base::WallTime InboxIndex::stop_waiting(InboxQueue& queue, InboxId id, const IndexItem& item) {
  if (item.evictable) {
    auto& evictable = queue.evictable;
    if (!evictable.empty() && *evictable.begin() == id) {  // as a rule
      evictable.erase(evictable.begin());
    } else {
      evictable.erase(id);
    }
    evictable_.messages -= 1;
    evictable_.bytes -= item.bytes;
  }
  return queue.waiting.remove(id);
}

InboxIndex::Gone InboxIndex::drop(InboxId id) {
  const auto it = items_.find(id);
  IndexItem& item = it->second;
  if (!item.taken) stop_waiting(*item.queue, id, item);
  let_go(*item.queue, item);
  if (item.message) bytes_in_memory_ -= item.bytes;
  Gone gone{id, std::move(item.message)};
  items_.erase(it);
  return gone;
}

}  // namespace dapr_mqtt::storage
