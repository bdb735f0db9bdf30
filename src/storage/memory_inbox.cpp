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

/// Until a message that could not be read is tried again.
constexpr std::chrono::seconds kReadAgain{1};

/// Of those that went, the ones whose message is in the file.
std::vector<InboxId> spilled(const std::vector<InboxIndex::Gone>& gone) {
  std::vector<InboxId> ids;
  for (const InboxIndex::Gone& g : gone) {
    if (!g.message) ids.push_back(g.id);
  }
  return ids;
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
                                                      core::IncomingMessage message,
                                                      bool evictable) {
  IndexItem item;
  item.bytes = message.footprint();
  item.qos = message.qos;
  item.received = message.received;
  item.evictable = evictable;
  item.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  std::vector<InboxIndex::Gone> gone;  // before the lock: freed after it
  core::AppendOutcome outcome;
  InboxId id = 0;
  bool to_disk = false;
  bool fits_without = false;
  {
    base::MutexLock lock(mutex_);
    if (!index_->admits(item.bytes, evictable)) return index_->refused(queue, item.qos);
    id = index_->next_id();
    const std::size_t with_it = index_->bytes_in_memory() + item.bytes;
    to_disk = with_it > memory_bytes_;
    if (!to_disk) outcome = index_->append(id, queue, std::move(item), gone);
    fits_without = with_it <= memory_bytes_without_disk_;
  }
  if (!to_disk) {
    erase_spilled(spilled(gone));
    return outcome;
  }
  const MessagePtr kept = item.message;  // freed after the lock
  if (spill(id, *kept)) {
    if (queue == kUnclaimed) item.topic = std::make_unique<const std::string>(kept->topic);
    item.message.reset();
  } else if (evictable && !fits_without) {
    base::MutexLock lock(mutex_);
    return index_->refused(queue, item.qos);
  }
  {
    base::MutexLock lock(mutex_);
    outcome = index_->append(id, queue, std::move(item), gone);
  }
  erase_spilled(spilled(gone));
  return outcome;
}

bool MemoryInbox::spill(InboxId id, const core::IncomingMessage& message) {
  const base::Status status = spill_->write(id, message);
  const bool failed_before = spill_fails_.exchange(!status.ok());
  if (!status.ok() && !failed_before) {
    log_->error("the messages that wait for the app go to disk from here on, and it does not take "
                "them: " + status.message() + "; past " +
                std::to_string(memory_bytes_without_disk_ >> 20U) +
                " MiB in memory, what comes in is dropped");
  } else if (status.ok() && failed_before) {
    log_->info("the disk takes waiting messages again");
  }
  return status.ok();
}

void MemoryInbox::erase_spilled(const std::vector<InboxId>& ids) {
  for (const InboxId id : ids) spill_->erase(id);
}

std::optional<core::InboxEntry> MemoryInbox::take(std::string_view queue, base::WallTime now,
                                                  Order order) {
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
    // In ready order another may be readable.
    base::MutexLock lock(mutex_);
    index_->release(taken->id, taken->failures, now + kReadAgain);
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
  if (gone && !gone->message) spill_->erase(id);
}

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
      if (first) last = index_->last_id();  // what comes in meanwhile is not waited for
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
    erase_spilled(spilled(gone));
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

std::optional<base::WallTime> MemoryInbox::oldest_received() const {
  base::MutexLock lock(mutex_);
  return index_->oldest_received();
}

bool MemoryInbox::full() const {
  base::MutexLock lock(mutex_);
  return index_->full();
}

bool MemoryInbox::half_empty() const {
  base::MutexLock lock(mutex_);
  return index_->half_empty();
}

}  // namespace dapr_mqtt::storage
