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

/// Messages of one queue that had to go.
struct Evicted {
  std::string queue;
  std::size_t messages = 0;
  std::size_t qos0 = 0;  ///< of these, how many had come with QoS 0
};

/// What append did.
struct AppendOutcome {
  InboxId id = 0;  ///< 0 when this message itself was not taken
  /// How many messages went for this one; it counts itself when it was not taken.
  std::size_t dropped = 0;
  std::vector<Evicted> evicted;  ///< the same, each queue once
  bool full = false;             ///< what full() says afterwards
};

/// Queues of messages, one for each topic filter (its str()), and one for
/// messages that no open subscription claims yet (kUnclaimed).
///
/// A message is waiting (to be taken, now or when its time has come), taken
/// (delivered, not settled), or gone. What is taken stays in the inbox; a
/// restart of a durable one finds it waiting again.
///
/// What goes when a limit is passed, with the new message counted as if it were
/// in: of the queue that holds the most (of messages or of bytes, by the limit
/// that was passed; what is taken counts too), the oldest message that waits
/// and was appended as evictable; then the next, until both limits hold. So a
/// queue that stays under its share, a limit divided by the queues in use, loses
/// nothing to a fuller one that has such messages. Messages that are not
/// evictable are never dropped, even past the limits.
///
/// Thread safety: append from the client's receive thread; commit from any, one at a
/// time; usage and oldest_received from any; all else from one other thread, at the
/// same time.
/// Costs do not grow with what is stored, but by its logarithm.
class Inbox {
 public:
  static constexpr std::string_view kUnclaimed{};

  virtual ~Inbox() = default;

  /// Takes the message in at the end of `queue`. A durable inbox has it safe after the
  /// next commit(). An error means it is not taken in at all.
  /// `evictable`: this message may be dropped to keep the limits, now (id 0) or
  /// later. One that may not is taken even when no others are left to go for
  /// it; the owner stops intake when the outcome says `full`.
  virtual base::Result<AppendOutcome> append(std::string_view queue, IncomingMessage message,
                                             bool evictable) = 0;

  /// Makes safe what append has taken in (in a durable inbox: on disk; messages of
  /// QoS 0 excepted), and what its sessions' PacketStores have. An error: the disk fails, now
  /// or since an earlier call, and what came in since the last commit must not be acknowledged
  /// to the broker. Of it, messages of QoS 1 that no take has seen are not in the inbox any
  /// more: the broker sends them again. The rest stays in memory and is stored as soon as
  /// flush() can; intake should stop until then.
  virtual base::Status commit() { return {}; }

  enum class Order {
    /// The oldest message without a due time, or of those whose time has come the one that was
    /// due first: in turns while there are both, so that neither kind keeps the other waiting.
    kReady,
    kStrict,  ///< the oldest message, or none while its time has not come
  };
  /// Takes the next waiting message of `queue`, if one is due at `now`.
  virtual std::optional<InboxEntry> take(std::string_view queue, base::WallTime now,
                                         Order order) = 0;
  /// When the next waiting message of `queue` will be due: a time in the past
  /// when one is due already, none when nothing waits.
  virtual std::optional<base::WallTime> next_due(std::string_view queue, Order order) const = 0;

  /// Done with a taken message: it is gone. Unknown ids are ignored.
  virtual void settle(InboxId id) = 0;
  /// Puts a taken message back with its count of failures as given: due at `due`, or
  /// without a due time (WallTime{}) in its place of arrival. Unknown ids are ignored.
  virtual void release(InboxId id, std::uint32_t failures, base::WallTime due) = 0;

  /// Moves what waits unclaimed and matches `filter` to the filter's queue,
  /// in order of arrival. Returns how many.
  virtual std::size_t claim(const TopicFilter& filter) = 0;
  /// Drops all that waits in `queue` (its subscription has ended for good).
  virtual std::size_t discard(std::string_view queue) = 0;
  /// Nobody is expected to come for what waits in `queue` now: it stays, but may
  /// be dropped from now on, as if it had been appended as evictable (until the
  /// process ends). Returns how many messages that are.
  virtual std::size_t abandon(std::string_view queue) = 0;
  /// The queues that hold messages, kUnclaimed among them.
  virtual std::vector<std::string> queues() const = 0;

  virtual InboxUsage usage() const = 0;
  /// When the oldest message in it was received; none when it is empty, or not known.
  virtual std::optional<base::WallTime> oldest_received() const { return std::nullopt; }
  /// What may not be dropped (not evictable, or taken) has reached a limit.
  virtual bool full() const = 0;
  /// The same is below half of both limits: intake may go on.
  virtual bool half_empty() const = 0;
};

/// An inbox that outlives the process. What has come in is safe when commit()
/// returns; what settle, release, claim and discard did, and messages of QoS 0,
/// are written a little later: by a later commit, or by flush(). A crash before
/// that delivers again what was settled last.
class DurableInbox : public Inbox {
 public:
  /// `unwritten` runs when something is to be flushed that was not before: on
  /// the thread that called, with no lock held. Set before the first append.
  virtual void watch(std::function<void()> unwritten) = 0;
  /// Writes what is left, in one transaction of bounded size; true when there is
  /// more. An error: the disk fails, all is kept in memory, to be tried again.
  /// Not from the receive thread.
  virtual base::Result<bool> flush() = 0;
  /// Flushes, lets go of the files, and removes them when they hold nothing.
  /// Nothing is written any more; what is in the inbox can still be taken and
  /// settled, in memory. Idempotent; the destructor does the same.
  virtual void close() = 0;

  /// Of the sessions whose messages are stored here. Lives as long as this.
  virtual SessionStore& session() = 0;
};

}  // namespace dapr_mqtt::core
