#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "storage/fullest_queues.h"
#include "storage/waiting_order.h"

namespace dapr_mqtt::storage {

/// One queue of an inbox.
struct InboxQueue {
  InboxQueue(std::string queue_name, std::uint64_t number)
      : name(std::move(queue_name)), serial(number) {}

  const std::string name;
  const std::uint64_t serial;
  core::InboxUsage held;  ///< waiting and taken
  WaitingOrder waiting;
  std::set<core::InboxId> evictable;  ///< of those waiting, the ones that may be dropped
  FullestQueues::Rank rank;
};

}  // namespace dapr_mqtt::storage
