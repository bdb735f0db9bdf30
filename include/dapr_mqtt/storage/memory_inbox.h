#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

class InboxIndex;

/// The inbox of clean sessions: in memory, gone with the process. Never fails.
///
/// Thread-safe (one mutex, held for a bounded number of messages at a time).
class MemoryInbox final : public core::Inbox {
 public:
  explicit MemoryInbox(core::InboxLimits limits);
  ~MemoryInbox() override;

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable) override;
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override;
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override;
  void settle(core::InboxId id) override;
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override;
  std::size_t claim(const core::TopicFilter& filter) override;
  std::size_t discard(std::string_view queue) override;
  std::size_t abandon(std::string_view queue) override;
  std::vector<std::string> queues() const override;
  core::InboxUsage usage() const override;
  bool full() const override;
  bool half_empty() const override;

 private:
  mutable base::Mutex mutex_;
  const std::unique_ptr<InboxIndex> index_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
