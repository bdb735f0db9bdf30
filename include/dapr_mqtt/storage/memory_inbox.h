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

/// The file for messages that do not fit into memory.
struct SpillOptions {
  /// Above this sum of footprints, new messages go to the file. Those that came first stay in
  /// memory: the app gets them next.
  std::size_t memory_bytes = 8U << 20U;
  /// The limit while the disk fails. Above it new messages are dropped.
  std::size_t memory_bytes_without_disk = 32U << 20U;
  /// The folder of the file, which has no name and is gone when the process ends.
  std::string folder;
};

/// The inbox of clean sessions, and of persistent ones that store nothing (their messages are
/// held). Messages are in memory, and in a file if memory is not enough; all are gone when the
/// process ends. Never fails: a message for which neither memory nor disk has room is dropped and
/// counted as evicted, with one error in the log. With Keep::kStore the receipt is given at once.
///
/// Thread-safe (one mutex, held for a bounded number of messages at a time, and never during disk
/// I/O).
class MemoryInbox final : public core::Inbox {
 public:
  /// Without a file: all messages are in memory.
  explicit MemoryInbox(core::InboxLimits limits);
  MemoryInbox(core::InboxLimits limits, SpillOptions spill, base::Log log);
  ~MemoryInbox() override;

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable,
                                           core::Keep keep = core::Keep::kStore) override;
  core::InboxId last_id() const override;
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override;
  FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order) override;
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override;
  void order_by(std::string_view queue, const std::optional<core::OrderKey>& key) override;
  void settle(core::InboxId id) override;
  bool settling_may_block() const override;
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override;
  std::size_t claim(const core::TopicFilter& filter) override;
  std::size_t discard(std::string_view queue) override;
  std::size_t abandon(std::string_view queue) override;
  std::vector<std::string> queues() const override;
  core::InboxUsage usage() const override;
  core::HeldMessages held() const override;
  std::optional<base::WallTime> oldest_received() const override;
  bool full() const override;
  bool overfull() const override;
  bool half_empty() const override;

 private:
  void read_keys(std::string_view queue, base::WallTime now);
  bool spill(core::InboxId id, const core::IncomingMessage& message);
  core::AppendOutcome add(std::string_view queue, core::IncomingMessage message, bool evictable,
                          bool hold);

  const std::size_t memory_bytes_;
  const std::size_t memory_bytes_without_disk_;
  const std::unique_ptr<SpillFile> spill_;  // null: no file
  const std::unique_ptr<base::Log> log_;    // null if spill_ is
  std::atomic<bool> spill_fails_{false};

  mutable base::Mutex mutex_;
  const std::unique_ptr<InboxIndex> index_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
