#include "dapr_mqtt/storage/memory_inbox.h"

#include <utility>
#include <vector>

#include "storage/inbox_index.h"

namespace dapr_mqtt::storage {

using core::InboxId;

MemoryInbox::MemoryInbox(core::InboxLimits limits)
    : index_(std::make_unique<InboxIndex>(limits)) {}
MemoryInbox::~MemoryInbox() = default;

base::Result<core::AppendOutcome> MemoryInbox::append(std::string_view queue,
                                                      core::IncomingMessage message,
                                                      bool evictable) {
  IndexItem item;
  item.bytes = message.footprint();
  item.qos = message.qos;
  item.evictable = evictable;
  item.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  std::vector<InboxIndex::Gone> gone;  // before the lock: freed after it
  base::MutexLock lock(mutex_);
  if (!index_->admits(item.bytes, evictable)) return index_->refused(queue, item.qos);
  return index_->append(index_->next_id(), queue, std::move(item), gone);
}

std::optional<core::InboxEntry> MemoryInbox::take(std::string_view queue, base::WallTime now,
                                                  Order order) {
  base::MutexLock lock(mutex_);
  auto taken = index_->take(queue, now, order);
  if (!taken) return std::nullopt;
  return core::InboxEntry{taken->id, std::move(taken->message), taken->failures};
}

std::optional<base::WallTime> MemoryInbox::next_due(std::string_view queue, Order order) const {
  base::MutexLock lock(mutex_);
  return index_->next_due(queue, order);
}

void MemoryInbox::settle(InboxId id) {
  std::optional<InboxIndex::Gone> gone;
  base::MutexLock lock(mutex_);
  gone = index_->settle(id);
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

bool MemoryInbox::full() const {
  base::MutexLock lock(mutex_);
  return index_->full();
}

bool MemoryInbox::half_empty() const {
  base::MutexLock lock(mutex_);
  return index_->half_empty();
}

}  // namespace dapr_mqtt::storage
