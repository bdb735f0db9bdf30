#include "dapr_mqtt/storage/memory_inbox.h"

#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "storage/inbox_index.h"
#include "storage/spill_file.h"

namespace dapr_mqtt::storage {

using core::InboxId;

namespace {

/// For messages that were removed from the index: erases them in the file and gives their receipts.
void clear_away(SpillFile* spill, const std::vector<InboxIndex::Gone>& gone) {
  for (const InboxIndex::Gone& g : gone) {
    if (!g.message) spill->erase(g.id);
    g.receipt.give();
  }
}

}  // namespace

MemoryInbox::MemoryInbox(core::InboxLimits limits)
    : memory_bytes_(std::numeric_limits<std::size_t>::max()),
      memory_bytes_without_disk_(memory_bytes_),
      index_(std::make_unique<InboxIndex>(limits)) {}

MemoryInbox::MemoryInbox(core::InboxLimits limits, SpillOptions spill, base::Log log)
    : memory_bytes_(spill.memory_bytes),
      memory_bytes_without_disk_(spill.memory_bytes_without_disk),
      spill_(std::make_unique<SpillFile>(std::move(spill.folder))),
      log_(std::make_unique<base::Log>(std::move(log))),
      index_(std::make_unique<InboxIndex>(limits)) {}

MemoryInbox::~MemoryInbox() = default;

base::Result<core::AppendOutcome> MemoryInbox::append(std::string_view queue,
                                                      core::IncomingMessage message, bool evictable,
                                                      core::Keep keep) {
  const bool hold = keep == core::Keep::kHold && message.qos != core::QoS::kAtMostOnce;
  const core::Receipt now = hold ? core::Receipt() : message.receipt;
  auto outcome = add(queue, std::move(message), evictable, hold);
  now.give();
  return outcome;
}

core::AppendOutcome MemoryInbox::add(std::string_view queue, core::IncomingMessage message,
                                     bool evictable, bool hold) {
  IndexItem item;
  item.at_broker = hold;
  item.bytes = message.footprint();
  item.qos = message.qos;
  item.received = message.arrival();
  item.evictable = evictable;
  item.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  std::vector<InboxIndex::Gone> gone;  // declared here to be freed after the lock is released
  core::AppendOutcome outcome;
  InboxId id = 0;
  bool to_disk = false;
  bool fits_without = false;
  {
    base::MutexLock lock(mutex_);
    if (!index_->admits(item.bytes, evictable)) return index_->refused(queue, item.qos);
    id = index_->next_id();
    const std::size_t with_it = index_->bytes_in_memory() + item.bytes;
    to_disk = with_it > memory_bytes_ && !hold;
    if (!to_disk) outcome = index_->append(id, queue, std::move(item), gone);
    fits_without = with_it <= memory_bytes_without_disk_;
  }
  if (!to_disk) {
    clear_away(spill_.get(), gone);
    return outcome;
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only when it stays in memory
  const MessagePtr kept = item.message;  // freed after the lock is released
  if (spill(id, *kept)) {
    if (queue == kUnclaimed) item.topic = std::make_unique<const std::string>(kept->topic);
    item.message.reset();
  } else if (evictable && !fits_without) {
    base::MutexLock lock(mutex_);
    return index_->refused(queue, item.qos);
  }
  {
    base::MutexLock lock(mutex_);
    outcome = index_->append(id, queue, std::move(item), gone, kept.get());
  }
  clear_away(spill_.get(), gone);
  return outcome;
}

bool MemoryInbox::spill(InboxId id, const core::IncomingMessage& message) {
  const base::Status status = spill_->write(id, message);
  const bool failed_before = spill_fails_.exchange(!status.ok());
  if (!status.ok() && !failed_before) {
    log_->error("waiting messages do not fit into memory and cannot be written to disk: " +
                status.message() + "; above " + std::to_string(memory_bytes_without_disk_ >> 20U) +
                " MiB in memory, new messages are dropped");
  } else if (status.ok() && failed_before) {
    log_->info("waiting messages can be written to disk again");
  }
  return status.ok();
}

std::optional<core::InboxEntry> MemoryInbox::take(std::string_view queue, base::WallTime now,
                                                  Order order) {
  if (order == Order::kByKey) read_keys(queue, now);
  while (true) {
    std::optional<InboxIndex::Taken> taken;
    {
      base::MutexLock lock(mutex_);
      taken = index_->take(queue, now, order);
    }
    if (!taken) return std::nullopt;
    if (taken->message) {
      return core::InboxEntry{taken->id, std::move(taken->message), taken->failures};
    }
    auto message = spill_->read(taken->id);
    if (message.ok() && message.value()) {
      return core::InboxEntry{
          taken->id, std::make_shared<const core::IncomingMessage>(*std::move(message).value()),
          taken->failures};
    }
    // In ready order another message may be readable.
    base::MutexLock lock(mutex_);
    index_->release(taken->id, taken->failures, now + InboxIndex::kReadAgain);
  }
}

core::Inbox::FromMemory MemoryInbox::take_from_memory(std::string_view queue, base::WallTime now,
                                                      Order order) {
  base::MutexLock lock(mutex_);
  return index_->take_from_memory(queue, now, order);
}

void MemoryInbox::order_by(std::string_view queue, const std::optional<core::OrderKey>& key) {
  base::MutexLock lock(mutex_);
  index_->order_by(queue, key);
}

/// Reads the keys of messages that are on disk.
void MemoryInbox::read_keys(std::string_view queue, base::WallTime now) {
  std::vector<InboxId> ids;
  {
    base::MutexLock lock(mutex_);
    ids = index_->unread(queue, now);
  }
  for (const InboxId id : ids) {
    const auto message = spill_->read(id);
    base::MutexLock lock(mutex_);
    if (!message.ok()) return index_->read_again(queue, now + InboxIndex::kReadAgain);
    index_->now_read(id, message.value() ? &*message.value() : nullptr);
  }
}

std::optional<base::WallTime> MemoryInbox::next_due(std::string_view queue, Order order) const {
  base::MutexLock lock(mutex_);
  return index_->next_due(queue, order);
}

void MemoryInbox::settle(InboxId id) {
  std::optional<InboxIndex::Gone> gone;
  {
    base::MutexLock lock(mutex_);
    gone = index_->settle(id);
  }
  if (gone) clear_away(spill_.get(), {*gone});
}

bool MemoryInbox::settling_may_block() const { return spill_ && spill_->holds_any(); }

void MemoryInbox::release(InboxId id, std::uint32_t failures, base::WallTime due) {
  base::MutexLock lock(mutex_);
  index_->release(id, failures, due);
}

std::size_t MemoryInbox::claim(const core::TopicFilter& filter) {
  std::size_t moved = 0;
  InboxId after = 0;
  InboxId last = 0;
  for (bool first = true;; first = false) {
    std::vector<InboxId> some;
    bool more = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_->last_id();  // later messages are left out
      more = index_->claim_some(filter, after, last, some);
    }
    moved += some.size();
    if (!more) return moved;
  }
}

std::size_t MemoryInbox::discard(std::string_view queue) {
  std::size_t dropped = 0;
  InboxId after = 0;
  InboxId last = 0;
  for (bool first = true;; first = false) {
    std::vector<InboxIndex::Gone> gone;
    bool more = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_->last_id();
      more = index_->discard_some(queue, after, last, gone);
    }
    clear_away(spill_.get(), gone);
    dropped += gone.size();
    if (!more) return dropped;
  }
}

std::size_t MemoryInbox::abandon(std::string_view queue) {
  std::size_t count = 0;
  InboxId after = 0;
  InboxId last = 0;
  bool more = true;
  for (bool first = true; more; first = false) {
    base::MutexLock lock(mutex_);
    if (first) last = index_->last_id();
    more = index_->abandon_some(queue, after, last, count);
  }
  return count;
}

std::vector<std::string> MemoryInbox::queues() const {
  base::MutexLock lock(mutex_);
  return index_->queues();
}

core::InboxUsage MemoryInbox::usage() const {
  base::MutexLock lock(mutex_);
  return index_->usage();
}

core::HeldMessages MemoryInbox::held() const {
  base::MutexLock lock(mutex_);
  return index_->held();
}

InboxId MemoryInbox::last_id() const {
  base::MutexLock lock(mutex_);
  return index_->last_id();
}

std::optional<base::WallTime> MemoryInbox::oldest_received() const {
  base::MutexLock lock(mutex_);
  return index_->oldest_received();
}

bool MemoryInbox::full() const {
  base::MutexLock lock(mutex_);
  return index_->full();
}

bool MemoryInbox::overfull() const {
  base::MutexLock lock(mutex_);
  return index_->past_limits(kMostHeld, kMostHeldBytes);
}

bool MemoryInbox::half_empty() const {
  base::MutexLock lock(mutex_);
  return index_->half_empty();
}

}  // namespace dapr_mqtt::storage
