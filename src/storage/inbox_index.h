#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr_mqtt/core/inbox.h"
#include "storage/arrival_times.h"
#include "storage/inbox_queue.h"

namespace dapr_mqtt::storage {

using MessagePtr = std::shared_ptr<const core::IncomingMessage>;

/// What an inbox must know of a message without having it in memory.
struct IndexItem {
  MessagePtr message;  ///< null when it is on disk only
  /// Set while it is unclaimed and `message` is null: claiming needs it.
  std::unique_ptr<const std::string> topic;
  InboxQueue* queue = nullptr;
  std::size_t bytes = 0;  ///< footprint
  base::WallTime due{};   ///< as last released
  base::WallTime received{};
  std::uint32_t failures = 0;
  core::QoS qos = core::QoS::kAtMostOnce;
  bool evictable = false;  ///< while it waits
  bool taken = false;
};

/// Order, limits and fairness of core::Inbox, for every implementation: which
/// message comes next, and which must go. Does no I/O. Not thread-safe.
///
/// Messages that go are handed out, so that their memory is freed after the
/// owner's lock.
class InboxIndex {
 public:
  using InboxId = core::InboxId;
  using Order = core::Inbox::Order;

  struct Gone {
    InboxId id;
    MessagePtr message;
  };
  struct Taken {
    InboxId id;
    MessagePtr message;  ///< null when it is on disk only
    std::uint32_t failures;
  };

  explicit InboxIndex(const core::InboxLimits& limits) : limits_(limits) {}

  InboxId next_id() { return ++last_id_; }
  InboxId last_id() const { return last_id_; }
  /// Ids go on after this one.
  void skip_ids(InboxId up_to) { last_id_ = std::max(last_id_, up_to); }

  /// False: the limits leave no room for it even if all that may be dropped goes.
  bool admits(std::size_t bytes, bool evictable) const { return !evictable || could_fit(bytes); }
  /// The outcome for a message that was not admitted.
  core::AppendOutcome refused(std::string_view queue, core::QoS qos) const;

  /// Adds a new message (its queue is set here) and drops what must go for it.
  core::AppendOutcome append(InboxId id, std::string_view queue, IndexItem item,
                             std::vector<Gone>& gone);
  /// Adds one that was stored before, ids ascending. Drops nothing.
  void restore(InboxId id, std::string_view queue, IndexItem item);

  std::optional<Taken> take(std::string_view queue, base::WallTime now, Order order);
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const;
  /// None when it is not taken.
  std::optional<Gone> settle(InboxId id);
  /// False when it is not taken.
  bool release(InboxId id, std::uint32_t failures, base::WallTime due);

  /// A part of claim(): moves on from `after`, up to `last`; false at the end.
  bool claim_some(const core::TopicFilter& filter, InboxId& after, InboxId last,
                  std::vector<InboxId>& moved);
  /// A part of discard(), in the same way.
  bool discard_some(std::string_view queue, InboxId& after, InboxId last, std::vector<Gone>& gone);
  /// A part of abandon(), in the same way; `count` grows by those it went through.
  bool abandon_some(std::string_view queue, InboxId& after, InboxId last, std::size_t& count);
  std::vector<std::string> queues() const;
  /// Takes a message out, whatever its state. None for unknown ids.
  std::optional<Gone> remove(InboxId id);

  /// Null for unknown ids.
  const IndexItem* find(InboxId id) const;
  /// Lets go of the message itself; its place stays. It is on disk.
  void forget_message(InboxId id);
  /// The sum of what has its message in memory.
  std::size_t bytes_in_memory() const { return bytes_in_memory_; }

  const core::InboxUsage& usage() const { return usage_; }
  /// When the oldest message came in.
  std::optional<base::WallTime> oldest_received() const;
  bool full() const {
    return kept().messages >= limits_.max_messages || kept().bytes >= limits_.max_bytes;
  }
  bool half_empty() const {
    return kept().messages * 2 < limits_.max_messages && kept().bytes * 2 < limits_.max_bytes;
  }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  bool over() const {
    return usage_.messages > limits_.max_messages || usage_.bytes > limits_.max_bytes;
  }
  core::InboxUsage kept() const;
  bool could_fit(std::size_t bytes) const;
  InboxQueue* find_queue(std::string_view name);
  InboxQueue& queue_at(std::string_view name);
  IndexItem* taken(InboxId id);
  void hold(InboxQueue& queue, InboxId id, const IndexItem& item);
  void let_go(InboxQueue& queue, const IndexItem& item);
  void wait_evictable(InboxQueue& queue, InboxId id, const IndexItem& item);
  base::WallTime stop_waiting(InboxQueue& queue, InboxId id, const IndexItem& item);
  Gone drop(InboxId id);

  const core::InboxLimits limits_;
  InboxId last_id_ = 0;
  std::uint64_t last_queue_ = 0;
  std::unordered_map<InboxId, IndexItem> items_;
  // Only queues that hold something: as many as messages at the most.
  std::unordered_map<std::string, std::unique_ptr<InboxQueue>, TextHash, std::equal_to<>> queues_;
  FullestQueues fullest_;
  core::InboxUsage usage_;
  core::InboxUsage evictable_;  // of usage_, what may be dropped
  std::size_t bytes_in_memory_ = 0;
  mutable ArrivalTimes arrivals_;  // looking drops what has gone
};

}  // namespace dapr_mqtt::storage
