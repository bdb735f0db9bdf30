#include "storage/sqlite_inbox.h"

#include "contract/inbox_contract.h"
#include "support/captured_log.h"
#include "support/forwarding_inbox.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::testing {
namespace {

struct OpenInbox {
  OpenInbox(core::InboxLimits limits, std::size_t cache_bytes) {
    storage::SqliteInboxOptions options;
    options.limits = limits;
    options.cache_bytes = cache_bytes;
    inbox = storage::SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log)).value();
  }
  ScratchFolder folder;
  CapturedLog log;
  std::unique_ptr<storage::SqliteInbox> inbox;
};

/// An inbox with its own folder, and with so little cache that most messages are read from the
/// disk.
class OwnFolderInbox final : private OpenInbox, public ForwardingInbox<core::Inbox> {
 public:
  OwnFolderInbox(core::InboxLimits limits, std::size_t cache_bytes)
      : OpenInbox(limits, cache_bytes), ForwardingInbox(*inbox) {}

  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override {
    inbox->release(id, failures, due);
    if (id % 3 != 0) return;
    EXPECT_TRUE(inbox->flush().ok());
  }
};

InboxKind kind(std::string name, std::size_t cache_bytes) {
  return {std::move(name),
          [cache_bytes](core::InboxLimits limits) {
            return std::make_unique<OwnFolderInbox>(limits, cache_bytes);
          },
          30'000};
}

const InboxKind kCached = kind("cached", 8U << 20U);
const auto kKinds = ::testing::Values(kCached, kind("read_back", 0));
const auto kNameOfKind = [](const auto& info) { return info.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, InboxContract, kKinds, kNameOfKind);
INSTANTIATE_TEST_SUITE_P(Sqlite, InboxModel, kKinds, kNameOfKind);
INSTANTIATE_TEST_SUITE_P(Sqlite, HeldContract, ::testing::Values(kCached), kNameOfKind);

}  // namespace dapr_mqtt::testing
