// What every implementation of core::Inbox that has memory does with receipts.
#include "contract/inbox_contract.h"
#include "support/receipts.h"

namespace dapr_mqtt::testing {
namespace {

/// A message whose receipt has this number.
core::IncomingMessage with_receipt(const std::shared_ptr<Receipts>& receipts, std::uint64_t number,
                                   core::QoS qos = core::QoS::kAtLeastOnce) {
  core::IncomingMessage message = make_message("t", 10, qos);
  message.receipt = {receipts, number};
  return message;
}

}  // namespace

TEST_P(HeldContract, held_message_gives_its_receipt_when_it_is_settled) {
  const auto receipts = std::make_shared<Receipts>();
  const auto inbox = make();
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_TRUE(inbox->append("q", with_receipt(receipts, i), false, core::Keep::kHold).ok());
  }
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_TRUE(receipts->given().empty());
  EXPECT_EQ(inbox->held().usage.messages, 2U);
  EXPECT_EQ(inbox->held().oldest, 1U);
  const auto entry = inbox->take("q", kNow, kReady);
  ASSERT_TRUE(entry);
  inbox->release(entry->id, 0, core::Inbox::kInItsPlace);
  EXPECT_TRUE(receipts->given().empty());
  inbox->settle(inbox->take("q", kNow, kReady)->id);
  EXPECT_EQ(receipts->given(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(inbox->held().usage.messages, 1U);
  EXPECT_EQ(inbox->held().oldest, 2U);
}

TEST_P(HeldContract, stored_message_gives_its_receipt_with_the_commit_and_once) {
  const auto receipts = std::make_shared<Receipts>();
  const auto inbox = make();
  ASSERT_TRUE(inbox->append("q", with_receipt(receipts, 1), false).ok());
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_EQ(receipts->given(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(inbox->held().usage.messages, 0U);
  inbox->settle(inbox->take("q", kNow, kReady)->id);
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_EQ(receipts->given(), std::vector<std::uint64_t>{1});
}

TEST_P(HeldContract, held_messages_that_are_dropped_give_their_receipts) {
  const auto receipts = std::make_shared<Receipts>();
  const auto inbox = make({.max_messages = 2, .max_bytes = 1U << 20U});
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_TRUE(inbox->append("old", with_receipt(receipts, i), false, core::Keep::kHold).ok());
  }
  EXPECT_EQ(inbox->abandon("old"), 2U);
  ASSERT_TRUE(inbox->append("new", with_receipt(receipts, 3), false, core::Keep::kHold).ok());
  EXPECT_EQ(receipts->given(), std::vector<std::uint64_t>{1}) << "it had to go";
  EXPECT_EQ(inbox->discard("old"), 1U);
  EXPECT_EQ(receipts->given(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(inbox->held().usage.messages, 1U);
}

}  // namespace dapr_mqtt::testing
