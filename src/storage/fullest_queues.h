#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

struct InboxQueue;

/// The queues that have an evictable message, ordered by their number of messages and by their
/// bytes. The cost is logarithmic in the number of queues.
class FullestQueues {
 public:
  /// The values by which a queue is sorted here; each queue stores its own Rank.
  struct Rank {
    bool listed = false;
    core::InboxUsage usage;
  };

  /// To be called after `queue.usage` or `queue.evictable` has changed.
  void update(InboxQueue& queue);

  /// Null when no queue has an evictable message.
  InboxQueue* by_messages() const { return last(by_messages_); }
  InboxQueue* by_bytes() const { return last(by_bytes_); }

 private:
  /// The serial number makes the order among equals the same in each run.
  using Set = std::set<std::tuple<std::size_t, std::uint64_t, InboxQueue*>>;

  static InboxQueue* last(const Set& set) {
    return set.empty() ? nullptr : std::get<2>(*set.rbegin());
  }
  static void move(Set& set, InboxQueue& queue, std::size_t from, std::size_t to);

  Set by_messages_;
  Set by_bytes_;
};

}  // namespace dapr_mqtt::storage
