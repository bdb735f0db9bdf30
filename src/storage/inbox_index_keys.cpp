// The part of InboxIndex for queues whose messages are taken by keys.
#include "storage/inbox_index.h"

namespace dapr_mqtt::storage {
namespace {

/// How many keys the caller reads from the disk in one take().
constexpr std::size_t kReadAtATime = 500;

}  // namespace

void InboxIndex::order_by(std::string_view queue_name, const std::optional<core::OrderKey>& key) {
  const auto before = order_keys_.find(queue_name);
  if (key) {
    if (before != order_keys_.end() && before->second == *key) return;
    order_keys_.insert_or_assign(std::string(queue_name), *key);
  } else {
    if (before == order_keys_.end()) return;
    order_keys_.erase(before);
  }
  InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr) return;
  queue->keys.reset();
  if (!key) return;
  queue->keys = std::make_unique<KeyOrder>(*key);
  for (auto& [id, item] : items_) {
    if (item.queue == queue) add_key(*queue, id, item, item.message.get());
  }
}

void InboxIndex::add_key(InboxQueue& queue, InboxId id, IndexItem& item,
                         const core::IncomingMessage* message) {
  KeyOrder& keys = *queue.keys;
  if (keys.by().needs_message()) {
    if (message == nullptr) return keys.add_unread(id);
    item.key = keys.by().of(*message);
  } else {
    item.key = 0;
  }
  if (item.taken) {
    keys.take(item.key, id);
  } else {
    keys.add(item.key, id, item.due);
  }
}

std::vector<InboxIndex::InboxId> InboxIndex::unread(std::string_view queue_name,
                                                    base::WallTime now) const {
  std::vector<InboxId> ids;
  const InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr || !queue->keys || now < queue->keys->read_again) return ids;
  for (const InboxId id : queue->keys->unread()) {
    if (ids.size() == kReadAtATime) break;
    ids.push_back(id);
  }
  return ids;
}

void InboxIndex::now_read(InboxId id, const core::IncomingMessage* message) {
  const auto it = items_.find(id);
  if (it == items_.end() || !it->second.queue->keys) return;
  KeyOrder& keys = *it->second.queue->keys;
  keys.read_again = {};
  if (!keys.now_read(id)) return;
  // A message that cannot be found is dropped when it is taken.
  static const core::IncomingMessage kNothing;
  add_key(*it->second.queue, id, it->second, message == nullptr ? &kNothing : message);
}

void InboxIndex::read_again(std::string_view queue_name, base::WallTime when) {
  InboxQueue* queue = find_queue(queue_name);
  if (queue != nullptr && queue->keys) queue->keys->read_again = when;
}

void InboxIndex::store_key_of(InboxId id, std::vector<InboxId>& were_held) {
  const auto it = items_.find(id);
  if (it == items_.end() || !it->second.queue->keys) return;
  it->second.queue->keys->from_youngest(it->second.key, [&](InboxId other) {
    IndexItem& item = items_.at(other);
    // All messages of the key before a stored one are stored already: stop. QoS 0 has no receipt and
    // says nothing about those before it.
    if (!item.at_broker) return item.qos == core::QoS::kAtMostOnce;
    if (item.held()) {
      no_longer_held(item);
      were_held.push_back(other);
    }
    return true;
  });
}

bool InboxIndex::key_fails(std::string_view queue_name,
                           const core::IncomingMessage& message) const {
  const InboxQueue* queue = find_queue(queue_name);
  if (queue == nullptr || !queue->keys) return false;
  const auto oldest = queue->keys->oldest_waiting(queue->keys->by().of(message));
  return oldest && items_.at(*oldest).due != core::Inbox::kInItsPlace;
}

}  // namespace dapr_mqtt::storage
