#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

class InboxIndex;
class SpillFile;

/// Where messages go that an inbox in memory has no memory for.
struct SpillOptions {
  /// Past so many bytes (footprints), what comes in goes to a file. The first to
  /// come stay in memory: the app gets those next.
  std::size_t memory_bytes = 8U << 20U;
  /// As long as the disk does not take it, so many instead; then it is dropped.
  std::size_t memory_bytes_without_disk = 32U << 20U;
  /// For the file, which has no name and ends with the process.
  std::string folder;
};

/// The inbox of clean sessions: in memory, with a file for what memory does not
/// hold, gone with the process. Never fails: what neither memory nor disk takes is
/// dropped and counted as evicted, with an error in the log once.
///
/// Thread-safe (one mutex, held for a bounded number of messages at a time; never
/// while the disk is at work).
class MemoryInbox final : public core::Inbox {
 public:
  /// All of it in memory.
  explicit MemoryInbox(core::InboxLimits limits);
  MemoryInbox(core::InboxLimits limits, SpillOptions spill, base::Log log);
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
  std::optional<base::WallTime> oldest_received() const override;
  bool full() const override;
  bool half_empty() const override;

 private:
  bool spill(core::InboxId id, const core::IncomingMessage& message);
  void erase_spilled(const std::vector<core::InboxId>& ids);

  const std::size_t memory_bytes_;
  const std::size_t memory_bytes_without_disk_;
  const std::unique_ptr<SpillFile> spill_;  // null: none
  const std::unique_ptr<base::Log> log_;    // with it
  std::atomic<bool> spill_fails_{false};

  mutable base::Mutex mutex_;
  const std::unique_ptr<InboxIndex> index_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
