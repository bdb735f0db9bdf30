#include "storage/fullest_queues.h"

#include "storage/inbox_queue.h"

namespace dapr_mqtt::storage {

void FullestQueues::update(InboxQueue& queue) {
  FullestQueues::Rank& rank = queue.rank;
  const bool list = !queue.evictable.empty();
  if (rank.listed && list) {
    move(by_messages_, queue, rank.usage.messages, queue.usage.messages);
    move(by_bytes_, queue, rank.usage.bytes, queue.usage.bytes);
  } else if (list) {
    by_messages_.emplace(queue.usage.messages, queue.serial, &queue);
    by_bytes_.emplace(queue.usage.bytes, queue.serial, &queue);
  } else if (rank.listed) {
    by_messages_.erase({rank.usage.messages, queue.serial, &queue});
    by_bytes_.erase({rank.usage.bytes, queue.serial, &queue});
  }
  rank.listed = list;
  rank.usage = queue.usage;
}

void FullestQueues::move(Set& set, InboxQueue& queue, std::size_t from, std::size_t to) {
  if (from == to) return;
  auto node = set.extract({from, queue.serial, &queue});
  std::get<0>(node.value()) = to;
  set.insert(std::move(node));
}

}  // namespace dapr_mqtt::storage
