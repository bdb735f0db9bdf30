#include "storage/sqlite_inbox.h"

#include "contract/inbox_contract.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::testing {
namespace {

/// With a folder of its own, and so little cache that most messages are read back.
class OwnFolderInbox final : public core::Inbox {
 public:
  OwnFolderInbox(core::InboxLimits limits, std::size_t cache_bytes) {
    storage::SqliteInboxOptions options;
    options.limits = limits;
    options.cache_bytes = cache_bytes;
    inbox_ = storage::SqliteInbox::open(folder_.file("inbox.db"), options, base::Log(log_)).value();
  }
  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable) override {
    return inbox_->append(queue, std::move(message), evictable);
  }
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override {
    return inbox_->take(queue, now, order);
  }
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override {
    return inbox_->next_due(queue, order);
  }
  void settle(core::InboxId id) override { inbox_->settle(id); }
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override {
    inbox_->release(id, failures, due);
    if (id % 3 != 0) return;
    EXPECT_TRUE(inbox_->flush().ok());
  }
  std::size_t claim(const core::TopicFilter& filter) override { return inbox_->claim(filter); }
  std::size_t discard(std::string_view queue) override { return inbox_->discard(queue); }
  core::InboxUsage usage() const override { return inbox_->usage(); }
  bool full() const override { return inbox_->full(); }
  bool half_empty() const override { return inbox_->half_empty(); }

 private:
  ScratchFolder folder_;
  CapturedLog log_;
  std::unique_ptr<storage::SqliteInbox> inbox_;
};

InboxKind kind(std::string name, std::size_t cache_bytes) {
  return {std::move(name),
          [cache_bytes](core::InboxLimits limits) {
            return std::make_unique<OwnFolderInbox>(limits, cache_bytes);
          },
          30'000};
}

const auto kKinds = ::testing::Values(kind("cached", 8U << 20U), kind("read_back", 0));
const auto kName = [](const auto& info) { return info.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, InboxContract, kKinds, kName);
INSTANTIATE_TEST_SUITE_P(Sqlite, InboxModel, kKinds, kName);

}  // namespace dapr_mqtt::testing
