#include "storage/fullest_queues.h"

#include "storage/inbox_queue.h"

namespace dapr_mqtt::storage {

void FullestQueues::update(InboxQueue& queue) {
  FullestQueues::Rank& rank = queue.rank;
  const bool list = !queue.evictable.empty();
  if (rank.listed && list) {
    move(by_messages_, queue, rank.held.messages, queue.held.messages);
    move(by_bytes_, queue, rank.held.bytes, queue.held.bytes);
  } else if (list) {
    by_messages_.emplace(queue.held.messages, queue.serial, &queue);
    by_bytes_.emplace(queue.held.bytes, queue.serial, &queue);
  } else if (rank.listed) {
    by_messages_.erase({rank.held.messages, queue.serial, &queue});
    by_bytes_.erase({rank.held.bytes, queue.serial, &queue});
  }
  rank.listed = list;
  rank.held = queue.held;
}

void FullestQueues::move(Set& set, InboxQueue& queue, std::size_t from, std::size_t to) {
  if (from == to) return;
  auto node = set.extract({from, queue.serial, &queue});
  std::get<0>(node.value()) = to;
  set.insert(std::move(node));
}

}  // namespace dapr_mqtt::storage
