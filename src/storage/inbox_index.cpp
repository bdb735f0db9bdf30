#include "storage/inbox_index.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace dapr_mqtt::storage {
namespace {

/// How many messages claim, discard and abandon handle before the lock is released for an append.
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
                                       std::vector<Gone>& gone,
                                       const core::IncomingMessage* itself) {
  core::AppendOutcome outcome;
  outcome.id = id;
  restore(id, queue_name, std::move(item), itself);
  while (over()) {
    InboxQueue* fullest =
        usage_.messages > limits_.max_messages ? fullest_.by_messages() : fullest_.by_bytes();
    if (fullest == nullptr) break;  // no other message may be dropped
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

void InboxIndex::restore(InboxId id, std::string_view queue_name, IndexItem item,
                         const core::IncomingMessage* itself) {
  InboxQueue& queue = queue_at(queue_name);
  item.queue = &queue;
  IndexItem& kept = items_.insert_or_assign(id, std::move(item)).first->second;
  queue.waiting.add(id, kept.due);
  if (queue.keys) add_key(queue, id, kept, kept.message ? kept.message.get() : itself);
  if (kept.message) bytes_in_memory_ += kept.bytes;
  count_in(queue, id, kept);
  arrivals_.add(id, kept.received, items_.size(),
                [this](InboxId old) { return items_.contains(old); });
  if (!kept.held()) return;
  held_.messages += 1;
  held_.bytes += kept.bytes;
  held_arrivals_.add(id, kept.received, held_.messages,
                     [this](InboxId old) { return is_held(old); });
}

bool InboxIndex::is_held(InboxId id) const {
  const auto it = items_.find(id);
  return it != items_.end() && it->second.held();
}

void InboxIndex::no_longer_held(IndexItem& item) {
  held_.messages -= 1;
  held_.bytes -= item.bytes;
  if (item.evictable && !item.taken) {
    evictable_held_.messages -= 1;
    evictable_held_.bytes -= item.bytes;
  }
  item.storing = true;
}

bool InboxIndex::may_store() const {
  const core::InboxUsage all = kept();
  return all.messages + evictable_held_.messages - held_.messages < limits_.max_messages &&
         all.bytes + evictable_held_.bytes - held_.bytes < limits_.max_bytes;
}

std::optional<InboxIndex::InboxId> InboxIndex::store_oldest_held(InboxId up_to) {
  const auto oldest = held_arrivals_.oldest([this](InboxId id) { return is_held(id); });
  if (!oldest || oldest->first > up_to) return std::nullopt;
  store(oldest->first);
  return oldest->first;
}

bool InboxIndex::store(InboxId id) {
  const auto it = items_.find(id);
  if (it == items_.end() || !it->second.held()) return false;
  no_longer_held(it->second);
  return true;
}

core::Receipt InboxIndex::stored(InboxId id) {
  const auto it = items_.find(id);
  if (it == items_.end() || !it->second.at_broker) return {};
  it->second.at_broker = it->second.storing = false;
  return it->second.message->receipt;
}

core::HeldMessages InboxIndex::held() const {
  core::HeldMessages held{held_};
  if (const auto oldest = held_arrivals_.oldest([this](InboxId id) { return is_held(id); })) {
    held.oldest = oldest->first;
    held.oldest_received = oldest->second;
  }
  return held;
}

std::optional<base::WallTime> InboxIndex::oldest_received() const {
  const auto oldest = arrivals_.oldest([this](InboxId id) { return items_.contains(id); });
  return oldest ? std::optional(oldest->second) : std::nullopt;
}

std::optional<InboxIndex::Taken> InboxIndex::take(std::string_view queue_name, base::WallTime now,
                                                  Order order) {
  InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr) return std::nullopt;
  const auto id = next(*queue, now, order);
  return id ? std::optional(take_it(*queue, *id)) : std::nullopt;
}

core::Inbox::FromMemory InboxIndex::take_from_memory(std::string_view queue_name,
                                                     base::WallTime now, Order order) {
  InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr) return {};
  // The next message is not known until all keys are read.
  if (order == Order::kByKey && queue->keys && !queue->keys->unread().empty()) return {{}, true};
  const auto id = next(*queue, now, order);
  if (!id) return {};
  if (!items_.at(*id).message) {
    order == Order::kByKey && queue->keys ? queue->keys->give_turn_back()
                                          : queue->waiting.give_turn_back();
    return {{}, true};
  }
  Taken taken = take_it(*queue, *id);
  return {core::InboxEntry{taken.id, std::move(taken.message), taken.failures}};
}

std::optional<InboxIndex::InboxId> InboxIndex::next(InboxQueue& queue, base::WallTime now,
                                                    Order order) {
  const bool by_key = order == Order::kByKey && queue.keys;
  return by_key ? queue.keys->next(now) : queue.waiting.next(now, order);
}

InboxIndex::Taken InboxIndex::take_it(InboxQueue& queue, InboxId id) {
  IndexItem& item = items_.at(id);
  const bool unread = queue.keys && queue.keys->unread().contains(id);
  stop_waiting(queue, id, item);
  item.taken = true;
  if (unread) {
    queue.keys->add_unread(id);
  } else if (queue.keys) {
    queue.keys->take(item.key, id);
  }
  fullest_.update(queue);
  return {id, item.message, item.failures};
}

std::optional<base::WallTime> InboxIndex::next_due(std::string_view queue_name, Order order) const {
  const InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr) return std::nullopt;
  return order == Order::kByKey && queue->keys ? queue->keys->next_due()
                                               : queue->waiting.next_due(order);
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
  if (KeyOrder* keys = item->queue->keys.get()) {
    if (!keys->unread().contains(id)) {
      keys->give_back(item->key, id);
      keys->add(item->key, id, due);
    }
  }
  add_evictable(*item->queue, id, *item);
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
    count_out(*from, item);
    item.queue = &to;
    item.topic.reset();
    to.waiting.add(*id, due);
    if (to.keys) add_key(to, *id, item, item.message.get());
    count_in(to, *id, item);
    moved.push_back(*id);
    from = find_queue(core::Inbox::kUnclaimed);  // the queue is removed with its last message
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
    add_evictable(*queue, *id, item);
    fullest_.update(*queue);
  }
  return true;
}

std::vector<std::string> InboxIndex::queues() const {
  std::vector<std::string> names;
  for (const auto& [name, queue] : queues_) names.push_back(name);
  return names;
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

/// The messages that may not be dropped.
core::InboxUsage InboxIndex::kept() const {
  return {usage_.messages - evictable_.messages, usage_.bytes - evictable_.bytes};
}

/// Whether there would be room if all evictable messages were dropped.
bool InboxIndex::could_fit(std::size_t bytes) const {
  return kept().messages + 1 <= limits_.max_messages && kept().bytes + bytes <= limits_.max_bytes;
}

InboxQueue* InboxIndex::find_queue(std::string_view name) {
  const auto it = queues_.find(name);
  return it == queues_.end() ? nullptr : it->second.get();
}

const InboxQueue* InboxIndex::find_queue(std::string_view name) const {
  const auto it = queues_.find(name);
  return it == queues_.end() ? nullptr : it->second.get();
}

InboxQueue& InboxIndex::queue_at(std::string_view name) {
  if (InboxQueue* queue = find_queue(name)) return *queue;
  auto queue = std::make_unique<InboxQueue>(std::string(name), ++last_queue_);
  if (!order_keys_.empty()) {
    const auto key = order_keys_.find(name);
    if (key != order_keys_.end()) queue->keys = std::make_unique<KeyOrder>(key->second);
  }
  return *queues_.emplace(name, std::move(queue)).first->second;
}

IndexItem* InboxIndex::taken(InboxId id) {
  const auto it = items_.find(id);
  return it == items_.end() || !it->second.taken ? nullptr : &it->second;
}

/// Counts it in `queue`; it has its place in the queue's order already.
void InboxIndex::count_in(InboxQueue& queue, InboxId id, const IndexItem& item) {
  queue.usage.messages += 1;
  queue.usage.bytes += item.bytes;
  usage_.messages += 1;
  usage_.bytes += item.bytes;
  add_evictable(queue, id, item);
  fullest_.update(queue);
}

/// The opposite, after it was removed from the queue's order. Removes an empty queue.
void InboxIndex::count_out(InboxQueue& queue, const IndexItem& item) {
  queue.usage.messages -= 1;
  queue.usage.bytes -= item.bytes;
  usage_.messages -= 1;
  usage_.bytes -= item.bytes;
  fullest_.update(queue);
  if (queue.usage.messages == 0) queues_.erase(queues_.find(queue.name));
}

void InboxIndex::add_evictable(InboxQueue& queue, InboxId id, const IndexItem& item) {
  if (!item.evictable) return;
  queue.evictable.emplace_hint(queue.evictable.end(), id);
  evictable_.messages += 1;
  evictable_.bytes += item.bytes;
  if (item.held()) {
    evictable_held_.messages += 1;
    evictable_held_.bytes += item.bytes;
  }
}

base::WallTime InboxIndex::stop_waiting(InboxQueue& queue, InboxId id, const IndexItem& item) {
  if (item.evictable) {
    auto& evictable = queue.evictable;
    if (!evictable.empty() && *evictable.begin() == id) {  // the usual case
      evictable.erase(evictable.begin());
    } else {
      evictable.erase(id);
    }
    evictable_.messages -= 1;
    evictable_.bytes -= item.bytes;
    if (item.held()) {
      evictable_held_.messages -= 1;
      evictable_held_.bytes -= item.bytes;
    }
  }
  if (queue.keys) queue.keys->remove(item.key, id);
  return queue.waiting.remove(id);
}

InboxIndex::Gone InboxIndex::drop(InboxId id) {
  const auto it = items_.find(id);
  IndexItem& item = it->second;
  const bool held = item.held();
  if (held) no_longer_held(item);
  if (!item.taken) {
    stop_waiting(*item.queue, id, item);
  } else if (item.queue->keys) {
    item.queue->keys->give_back(item.key, id);
  }
  count_out(*item.queue, item);
  if (item.message) bytes_in_memory_ -= item.bytes;
  Gone gone{id, std::move(item.message), {}, held};
  if (item.at_broker) gone.receipt = gone.message->receipt;
  items_.erase(it);
  return gone;
}

}  // namespace dapr_mqtt::storage
