#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "storage/fullest_queues.h"
#include "storage/key_order.h"
#include "storage/waiting_order.h"

namespace dapr_mqtt::storage {

/// One queue of an inbox.
struct InboxQueue {
  InboxQueue(std::string queue_name, std::uint64_t number)
      : name(std::move(queue_name)), serial(number) {}

  const std::string name;
  const std::uint64_t serial;
  core::InboxUsage usage;  ///< of waiting and taken messages
  WaitingOrder waiting;
  std::unique_ptr<KeyOrder> keys;     ///< null: the queue has no keys (Inbox::order_by)
  std::set<core::InboxId> evictable;  ///< waiting messages that may be dropped
  FullestQueues::Rank rank;
};

}  // namespace dapr_mqtt::storage
