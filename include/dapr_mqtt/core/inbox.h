// Port to the store that holds received messages until the app has handled
// them. Implemented by src/storage; every implementation passes tests/contract.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::core {

/// Rises with the order of arrival; never used twice for an inbox.
using InboxId = std::uint64_t;

struct InboxEntry {
  InboxId id = 0;
  std::shared_ptr<const IncomingMessage> message;
  std::uint32_t failures = 0;  ///< deliveries that the app failed so far
};

struct InboxLimits {
  std::size_t max_messages = 100'000;
  std::size_t max_bytes = 64U << 20U;  ///< sum of IncomingMessage::footprint()
};

struct InboxUsage {
  std::size_t messages = 0;
  std::size_t bytes = 0;
};

/// Messages of one queue that were dropped to keep the limits.
struct Evicted {
  std::string queue;
  std::size_t messages = 0;
  std::size_t qos0 = 0;  ///< of these, how many had come with QoS 0
};

/// Messages whose receipts are not given yet.
struct HeldMessages {
  InboxUsage usage;
  InboxId oldest = 0;  ///< 0: none
  base::WallTime oldest_received{};
};

/// What an inbox does with a new message that the broker still has (IncomingMessage::receipt).
enum class Keep {
  /// A durable inbox writes the message with the next commit() and then gives its receipt; a
  /// memory inbox gives the receipt at once.
  kStore,
  /// Keeps the message in memory and gives its receipt only when it is settled: until then the
  /// broker keeps the message. A durable inbox stores it earlier if memory gets short or the app
  /// fails it.
  kHold,
};

/// What append did.
struct AppendOutcome {
  InboxId id = 0;  ///< 0 when this message itself was dropped
  /// How many messages were dropped for this one; includes this one if it was dropped itself.
  std::size_t dropped = 0;
  std::vector<Evicted> evicted;  ///< these messages by queue, each queue once
  bool full = false;             ///< what full() says afterwards
};

/// Queues of messages, one for each topic filter (its str()), and one for
/// messages that no open subscription claims yet (kUnclaimed).
///
/// A message is waiting (to be taken, now or at its due time), taken (delivered,
/// not settled), or gone. A taken message stays in the inbox; after a restart a
/// durable inbox has it waiting again.
///
/// When a limit would be passed by the new message, messages are dropped until
/// both limits hold. Each time it is the oldest waiting, evictable message of the
/// queue that holds the most messages or bytes, depending on the limit that is
/// passed; taken messages count too. So a queue that stays under its share (a
/// limit divided by the number of queues in use) loses nothing as long as a
/// fuller queue has such messages. Messages that are not evictable are never
/// dropped, even past the limits.
///
/// Held messages (Keep::kHold) are still at the broker. Their receipts are given when they are
/// settled, dropped or stored, with no lock held. A full inbox holds even what it should store, so
/// that the broker stops at its window; that ends when there is room and store_held() is called.
///
/// Thread safety: append from any thread; commit from any thread, one call at a time; usage, held
/// and oldest_received from any thread; the other methods from one thread, which may run at the
/// same time as these. Costs grow with the logarithm of what is stored.
///
/// All times here are those of one SteadyWallClock, so a jump of the wall clock delays nothing.
class Inbox {
 public:
  static constexpr std::string_view kUnclaimed{};
  /// For release(): no due time. The message goes back to its place in the order of arrival.
  static constexpr base::WallTime kInItsPlace{};

  virtual ~Inbox() = default;

  /// Adds the message at the end of `queue`. An error means that it is not added
  /// at all. Throws nothing but std::bad_alloc.
  /// `evictable`: this message may be dropped to keep the limits, now (id 0) or
  /// later. A message that is not evictable is added even if nothing is left to
  /// drop for it; the owner must act when the outcome says `full`.
  /// May wait for a disk: when memory is short, or when many QoS 0 messages are not written yet.
  /// `keep`: for messages of QoS 1 and 2.
  virtual base::Result<AppendOutcome> append(std::string_view queue, IncomingMessage message,
                                             bool evictable, Keep keep = Keep::kStore) = 0;

  /// In a durable inbox: writes the messages appended with kStore (except QoS 0) and the packet
  /// identifiers of its sessions' PacketStores, then gives the receipts. An error: the disk fails,
  /// now or since an earlier call. All of it stays in memory, unacknowledged, and is written as
  /// soon as commit() or flush() succeeds.
  virtual base::Status commit() { return {}; }

  /// Stores the held messages up to this id with the next commit or flush. Returns how many; 0 in a
  /// memory inbox, and while there is no room.
  virtual std::size_t store_held(InboxId /*up_to*/) { return 0; }
  /// The id of the message that was added last.
  virtual InboxId last_id() const = 0;

  enum class Order {
    /// The oldest message without a due time, or the message with the earliest due time that has
    /// passed. If there are both, they take turns, so that neither kind keeps the other waiting.
    kReady,
    kStrict,  ///< the oldest message, or none until its due time
    /// As kReady, but only among the oldest waiting message of each key (order_by), and not of keys
    /// of which a message is taken. So each key has one message at a time, in order of arrival, and
    /// a failed one comes again before the next. As kReady in a queue without keys.
    kByKey,
  };
  /// From now on `queue` has this key, or (none) no key: for the messages in it and for new ones.
  /// With a key, a durable inbox stores the messages of one key value in order of arrival, and also
  /// those that wait behind a message that the app has failed, so that they do not stay at the
  /// broker.
  virtual void order_by(std::string_view queue, const std::optional<OrderKey>& key) = 0;
  /// Takes the next waiting message of `queue`, if one is due at `now`. With kByKey it may have to
  /// read messages from the disk to learn their keys, a bounded number in each call: then it takes
  /// none, and next_due() says to call again.
  virtual std::optional<InboxEntry> take(std::string_view queue, base::WallTime now,
                                         Order order) = 0;
  struct FromMemory {
    std::optional<InboxEntry> entry;
    bool on_disk = false;  ///< there may be one, but only on the disk
  };
  /// As take(), for a thread that must not wait for a disk: it never reads from the disk.
  virtual FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order) {
    return {take(queue, now, order)};
  }
  /// When the next waiting message of `queue` will be due: a time in the past
  /// when one is due already, none when nothing waits.
  virtual std::optional<base::WallTime> next_due(std::string_view queue, Order order) const = 0;

  /// Removes a taken message, which is done with. Unknown ids are ignored.
  virtual void settle(InboxId id) = 0;
  /// Whether settle() may wait for a disk, for any of the messages that are taken now. From any
  /// thread.
  virtual bool settling_may_block() const { return false; }
  /// Puts a taken message back and sets its count of failures: due at `due`, or (kInItsPlace) in
  /// its place in the order of arrival. Unknown ids are ignored.
  virtual void release(InboxId id, std::uint32_t failures, base::WallTime due) = 0;

  /// Moves the waiting messages of kUnclaimed that match `filter` to the filter's
  /// queue, in order of arrival. Returns how many.
  virtual std::size_t claim(const TopicFilter& filter) = 0;
  /// Drops all waiting messages of `queue` (its subscription has ended for good).
  /// Returns how many.
  virtual std::size_t discard(std::string_view queue) = 0;
  /// Marks the messages that wait in `queue` now as evictable until the process
  /// ends, since no subscriber is expected for them. Returns how many.
  virtual std::size_t abandon(std::string_view queue) = 0;
  /// The queues that hold messages, kUnclaimed among them.
  virtual std::vector<std::string> queues() const = 0;

  virtual InboxUsage usage() const = 0;
  /// The part of usage() that is held.
  virtual HeldMessages held() const = 0;
  /// When the oldest message was received; none when the inbox is empty, or when that is not known.
  virtual std::optional<base::WallTime> oldest_received() const { return std::nullopt; }
  /// The messages that must not be dropped (not evictable, or taken) have reached a limit.
  virtual bool full() const = 0;
  /// Full, and the held messages take more memory than they should: no more must come in.
  virtual bool overfull() const = 0;
  /// The messages that must not be dropped are below half of both limits: there is room again.
  virtual bool half_empty() const = 0;
};

/// An inbox that outlives the process. Messages to be stored are safe when commit() returns. The
/// effects of settle, release, claim, discard and store_held, and messages of QoS 0, are written a
/// little later: by a later commit, or by flush(). After a crash before that, messages that were
/// settled last are delivered again. A held message that is released with a due time (the app
/// failed it) is stored.
class DurableInbox : public Inbox {
 public:
  /// `unwritten` runs when there is something to flush and there was nothing before: on the calling
  /// thread, with no lock held. Set before the first append.
  virtual void watch(std::function<void()> unwritten) = 0;
  /// Writes the rest, in one transaction of bounded size; true when there is more. An error: the
  /// disk fails; all is kept in memory, to be tried again. Takes longer than commit(), so the owner
  /// calls it where no other work waits. append() calls it too when too many QoS 0 messages are not
  /// written yet, which slows down the receiving thread.
  virtual base::Result<bool> flush() = 0;
  /// Flushes, closes the files, and removes them if they hold nothing.
  /// Nothing is written after that; messages in the inbox can still be taken and
  /// settled, in memory. Idempotent; the destructor does the same.
  virtual void close() = 0;

  /// The store of the sessions whose messages are stored here. Lives as long as this.
  virtual SessionStore& session() = 0;
};

}  // namespace dapr_mqtt::core
