#include "dapr_mqtt/storage/memory_inbox.h"

#include "contract/inbox_contract.h"

namespace dapr_mqtt::testing {
namespace {

const InboxKind kMemory{"memory", [](core::InboxLimits limits) {
                          return std::make_unique<storage::MemoryInbox>(limits);
                        }};
const auto kName = [](const auto& info) { return info.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, InboxContract, ::testing::Values(kMemory), kName);
INSTANTIATE_TEST_SUITE_P(Memory, InboxModel, ::testing::Values(kMemory), kName);

}  // namespace dapr_mqtt::testing
