#include "dapr_mqtt/storage/memory_inbox.h"

#include "contract/inbox_contract.h"
#include "support/captured_log.h"
#include "support/forwarding_inbox.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::testing {
namespace {

const InboxKind kMemory{"memory", [](core::InboxLimits limits) {
                          return std::make_unique<storage::MemoryInbox>(limits);
                        }};
struct SpillParts {
  explicit SpillParts(core::InboxLimits limits)
      : inbox(limits, {.memory_bytes = 0, .folder = folder.path().string()}, base::Log(log)) {}
  ScratchFolder folder;
  CapturedLog log;
  storage::MemoryInbox inbox;
};
/// An inbox with so little memory that every message goes to the file.
class SpillingInbox final : private SpillParts, public ForwardingInbox<core::Inbox> {
 public:
  explicit SpillingInbox(core::InboxLimits limits) : SpillParts(limits), ForwardingInbox(inbox) {}
};
const InboxKind kSpilling{
    "spilling", [](core::InboxLimits limits) { return std::make_unique<SpillingInbox>(limits); },
    30'000};
const auto kName = [](const auto& info) { return info.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, InboxContract, ::testing::Values(kMemory, kSpilling), kName);
INSTANTIATE_TEST_SUITE_P(Memory, HeldContract, ::testing::Values(kMemory, kSpilling), kName);
INSTANTIATE_TEST_SUITE_P(Memory, InboxModel, ::testing::Values(kMemory, kSpilling), kName);

}  // namespace dapr_mqtt::testing
