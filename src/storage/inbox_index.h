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

/// The most that is held in memory beyond a full inbox. A broker's window is usually smaller, but
/// MQTT 3.1.1 allows 65,535 messages of any size.
inline constexpr std::size_t kMostHeld = 2'000;
inline constexpr std::size_t kMostHeldBytes = 8U << 20U;

using MessagePtr = std::shared_ptr<const core::IncomingMessage>;

/// What an inbox knows about a message even if the message itself is not in memory.
struct IndexItem {
  MessagePtr message;  ///< null when the message is on disk only
  /// Set while the message is unclaimed and `message` is null: claim() needs the topic.
  std::unique_ptr<const std::string> topic;
  InboxQueue* queue = nullptr;
  std::uint64_t key = 0;      ///< if the queue has keys
  std::size_t bytes = 0;      ///< footprint
  base::WallTime due{};       ///< as given to release()
  base::WallTime received{};  ///< IncomingMessage::arrival()
  std::uint32_t failures = 0;
  core::QoS qos = core::QoS::kAtMostOnce;
  bool evictable = false;  ///< may be dropped while it waits
  bool taken = false;
  bool at_broker = false;  ///< its receipt is not given yet; then `message` is in memory
  bool storing = false;    ///< at_broker, but will be stored with the next write
  bool held() const { return at_broker && !storing; }
};

/// Order, limits and fairness of core::Inbox, for every implementation: which
/// message comes next, and which is dropped. Does no I/O. Not thread-safe.
///
/// Removed messages are returned to the caller, so that their memory is freed
/// after the owner's lock is released.
class InboxIndex {
 public:
  using InboxId = core::InboxId;
  using Order = core::Inbox::Order;

  struct Gone {
    InboxId id;
    MessagePtr message;
    core::Receipt receipt;  ///< to be given after the owner's lock is released
    bool held = false;
  };
  struct Taken {
    InboxId id;
    MessagePtr message;  ///< null when it is on disk only
    std::uint32_t failures;
  };

  explicit InboxIndex(const core::InboxLimits& limits) : limits_(limits) {}

  InboxId next_id() { return ++last_id_; }
  InboxId last_id() const { return last_id_; }
  /// New ids are greater than this one.
  void skip_ids(InboxId up_to) { last_id_ = std::max(last_id_, up_to); }

  /// False: the limits leave no room for it even if all evictable messages are dropped.
  bool admits(std::size_t bytes, bool evictable) const { return !evictable || could_fit(bytes); }
  /// The outcome for a message that was not admitted.
  core::AppendOutcome refused(std::string_view queue, core::QoS qos) const;

  /// Adds a new message (its queue is set here) and drops others as the limits require. `itself`:
  /// the message, when the item does not have it.
  core::AppendOutcome append(InboxId id, std::string_view queue, IndexItem item,
                             std::vector<Gone>& gone,
                             const core::IncomingMessage* itself = nullptr);
  /// Adds a message that was stored before; ids must ascend. Drops nothing.
  void restore(InboxId id, std::string_view queue, IndexItem item,
               const core::IncomingMessage* itself = nullptr);

  /// As Inbox::order_by. Keys of messages that are on disk only must be read (unread(), now_read())
  /// before the next take by key.
  void order_by(std::string_view queue, const std::optional<core::OrderKey>& key);
  /// Some messages whose keys must be read. Empty if a read has failed and must not be repeated yet.
  std::vector<InboxId> unread(std::string_view queue, base::WallTime now) const;
  /// One of those has been read; null: it cannot be found. The message may be gone from the index
  /// meanwhile.
  void now_read(InboxId id, const core::IncomingMessage* message);
  /// The time until a failed read of a message is repeated.
  static constexpr std::chrono::seconds kReadAgain{1};
  /// One could not be read: to be tried again from `when` on.
  void read_again(std::string_view queue, base::WallTime when);
  /// In a queue with keys: marks all held messages of this message's key for storing, and appends
  /// their ids to `were_held`.
  void store_key_of(InboxId id, std::vector<InboxId>& were_held);
  bool any_keys() const { return !order_keys_.empty(); }
  /// Whether the oldest waiting message of this message's key waits for its next try, since the app
  /// has failed it.
  bool key_fails(std::string_view queue, const core::IncomingMessage& message) const;

  std::optional<Taken> take(std::string_view queue, base::WallTime now, Order order);
  /// As Inbox::take_from_memory.
  core::Inbox::FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order);
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const;
  /// None when it is not taken.
  std::optional<Gone> settle(InboxId id);
  /// False when it is not taken.
  bool release(InboxId id, std::uint32_t failures, base::WallTime due);

  /// A part of claim(), for a bounded number of messages after `after`, which it advances, up to
  /// `last`; false at the end.
  bool claim_some(const core::TopicFilter& filter, InboxId& after, InboxId last,
                  std::vector<InboxId>& moved);
  /// A part of discard(), in the same way.
  bool discard_some(std::string_view queue, InboxId& after, InboxId last, std::vector<Gone>& gone);
  /// A part of abandon(), in the same way; adds the number of messages to `count`.
  bool abandon_some(std::string_view queue, InboxId& after, InboxId last, std::size_t& count);
  std::vector<std::string> queues() const;
  /// Marks the oldest held message up to `up_to` for storing and returns its id. None: there is none.
  std::optional<InboxId> store_oldest_held(InboxId up_to);
  /// Marks this message for storing, if it is held. False if it is not.
  bool store(InboxId id);
  /// To be called after the message was written. Returns the receipt to be given. Unknown ids are
  /// ignored.
  core::Receipt stored(InboxId id);
  core::HeldMessages held() const;

  /// Null for unknown ids.
  const IndexItem* find(InboxId id) const;
  /// Frees the memory of a message that is on disk; its entry in the index stays.
  void forget_message(InboxId id);
  /// The footprints of all messages in memory.
  std::size_t bytes_in_memory() const { return bytes_in_memory_; }

  const core::InboxUsage& usage() const { return usage_; }
  /// When the oldest message came in.
  std::optional<base::WallTime> oldest_received() const;
  bool full() const {
    return kept().messages >= limits_.max_messages || kept().bytes >= limits_.max_bytes;
  }
  /// As full(), but with limits that are higher by these values (at most twice the limits).
  bool past_limits(std::size_t messages, std::size_t bytes) const {
    return kept().messages >= limits_.max_messages + std::min(messages, limits_.max_messages) ||
           kept().bytes >= limits_.max_bytes + std::min(bytes, limits_.max_bytes);
  }
  /// Whether more may be stored. Held messages do not count.
  bool may_store() const;
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
  std::optional<InboxId> next(InboxQueue& queue, base::WallTime now, Order order);
  Taken take_it(InboxQueue& queue, InboxId id);
  bool could_fit(std::size_t bytes) const;
  InboxQueue* find_queue(std::string_view name);
  InboxQueue& queue_at(std::string_view name);
  const InboxQueue* find_queue(std::string_view name) const;
  void add_key(InboxQueue& queue, InboxId id, IndexItem& item,
               const core::IncomingMessage* message);
  IndexItem* taken(InboxId id);
  void count_in(InboxQueue& queue, InboxId id, const IndexItem& item);
  void count_out(InboxQueue& queue, const IndexItem& item);
  void no_longer_held(IndexItem& item);
  bool is_held(InboxId id) const;
  void add_evictable(InboxQueue& queue, InboxId id, const IndexItem& item);
  base::WallTime stop_waiting(InboxQueue& queue, InboxId id, const IndexItem& item);
  Gone drop(InboxId id);

  const core::InboxLimits limits_;
  InboxId last_id_ = 0;
  std::uint64_t last_queue_ = 0;
  std::unordered_map<InboxId, IndexItem> items_;
  // Only queues that have messages: at most as many as messages.
  std::unordered_map<std::string, std::unique_ptr<InboxQueue>, TextHash, std::equal_to<>> queues_;
  /// For all queues that have keys, also while they have no messages.
  std::unordered_map<std::string, core::OrderKey, TextHash, std::equal_to<>> order_keys_;
  FullestQueues fullest_;
  core::InboxUsage usage_;
  core::InboxUsage evictable_;       // the part of usage_ that may be dropped
  core::InboxUsage held_;            // the part of usage_ that is held
  core::InboxUsage evictable_held_;  // the part of usage_ that is both
  mutable ArrivalTimes held_arrivals_;
  std::size_t bytes_in_memory_ = 0;
  mutable ArrivalTimes arrivals_;  // mutable: oldest() removes entries of messages that are gone
};

}  // namespace dapr_mqtt::storage
