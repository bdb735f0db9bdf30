#include "dapr_mqtt/packets/ack_ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/mqtt_bytes.h"

namespace dapr_mqtt::packets {
namespace {

using core::QoS;
using testing::mqtt::puback;
using testing::mqtt::pubcomp;
using testing::mqtt::pubrec;

class FakeStore final : public core::PacketStore {
 public:
  void put(Id id) override { kept.insert(id); }
  base::Status remove(Id id, core::Receipt safe) override {
    kept.erase(id);
    return answer(std::move(safe));
  }
  base::Status clear(core::Receipt safe) override {
    if (failure.ok()) kept.clear();
    return answer(std::move(safe));
  }
  bool contains(Id id) const override { return kept.contains(id); }
  std::vector<Id> ids() const override { return {kept.begin(), kept.end()}; }
  bool wants_acknowledging() const override { return wants; }
  void acknowledging(const std::vector<Id>& ids) override { announced.push_back(ids); }

  void becomes_safe() {
    for (const core::Receipt& receipt : std::exchange(unsafe, {})) receipt.give();
  }

  std::set<Id> kept;
  base::Status failure;
  bool slow = false;
  std::vector<core::Receipt> unsafe;
  bool wants = false;
  std::vector<std::vector<Id>> announced;

 private:
  base::Status answer(core::Receipt safe) {
    if (failure.ok() && !slow) safe.give();
    if (failure.ok() && slow) unsafe.push_back(std::move(safe));
    return failure;
  }
};

class AckLedgerTest : public ::testing::Test {
 protected:
  AckLedgerTest() { EXPECT_TRUE(ledger_->connected(true).ok()); }
  /// The receipt of a message that must be delivered; none when it was received before.
  std::optional<core::Receipt> comes(QoS qos, std::uint16_t id, const std::string& payload = "x",
                                     bool duplicate = false) {
    core::IncomingMessage message;
    message.topic = "t";
    message.payload = payload;
    message.qos = qos;
    message.packet.id = id;
    message.duplicate = duplicate;
    if (!ledger_->received(message)) return std::nullopt;
    return message.receipt;
  }
  std::optional<core::Receipt> again(QoS qos, std::uint16_t id, const std::string& payload = "x") {
    return comes(qos, id, payload, true);
  }
  /// Like a sink that settles each message at once.
  bool deliver(QoS qos, std::uint16_t id) {
    const auto receipt = comes(qos, id);
    if (receipt) receipt->give();
    return receipt.has_value();
  }
  std::string acknowledge() {
    std::string out;
    ledger_->acknowledge(out);
    return out;
  }

  FakeStore store_;
  std::shared_ptr<AckLedger> ledger_ = std::make_shared<AckLedger>(store_);
};

TEST_F(AckLedgerTest, Owes_nothing_at_first_and_for_QoS_0) {
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_TRUE(deliver(QoS::kAtMostOnce, 0));
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_EQ(acknowledge(), "");
}

TEST_F(AckLedgerTest, QoS_1_is_delivered_each_time_and_owed_a_PUBACK) {
  EXPECT_TRUE(deliver(QoS::kAtLeastOnce, 7));
  EXPECT_TRUE(ledger_->has_due());
  EXPECT_TRUE(deliver(QoS::kAtLeastOnce, 7));
  EXPECT_EQ(acknowledge(), puback(7) + puback(7));
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_EQ(acknowledge(), "") << "once";
  EXPECT_TRUE(store_.kept.empty());
}

TEST_F(AckLedgerTest, nothing_goes_out_that_a_store_wants_to_know_of_before) {
  store_.wants = true;
  const auto one = comes(QoS::kAtLeastOnce, 7);
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 3));
  EXPECT_TRUE(deliver(QoS::kAtMostOnce, 0));
  ledger_->announce();
  EXPECT_TRUE(store_.announced.empty()) << "3 waits for 7";
  one->give();
  EXPECT_EQ(acknowledge(), "");
  EXPECT_TRUE(ledger_->has_due());
  ledger_->announce();
  ledger_->announce();
  EXPECT_EQ(store_.announced, (std::vector<std::vector<std::uint16_t>>{{7, 3}})) << "once";
  EXPECT_TRUE(deliver(QoS::kAtLeastOnce, 8));
  EXPECT_EQ(acknowledge(), puback(7) + pubrec(3)) << "8 has come since";
  ledger_->announce();
  EXPECT_EQ(acknowledge(), puback(8));
  EXPECT_TRUE(ledger_->released(3).ok());
  EXPECT_EQ(acknowledge(), pubcomp(3)) << "PUBCOMP is no acknowledgement of a PUBLISH";
  EXPECT_EQ(store_.announced.size(), 2U);
}

TEST_F(AckLedgerTest, store_that_wants_to_know_no_more_holds_up_nothing) {
  store_.wants = true;
  EXPECT_TRUE(deliver(QoS::kAtLeastOnce, 7));
  store_.wants = false;
  ledger_->announce();
  EXPECT_EQ(acknowledge(), puback(7));
  EXPECT_TRUE(store_.announced.empty());
}

TEST_F(AckLedgerTest, what_was_announced_on_a_connection_that_broke_is_announced_again) {
  store_.wants = true;
  EXPECT_TRUE(deliver(QoS::kAtLeastOnce, 7));
  ledger_->announce();
  ledger_->connecting(nullptr);
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_FALSE(again(QoS::kAtLeastOnce, 7));
  EXPECT_EQ(acknowledge(), "");
  ledger_->announce();
  EXPECT_EQ(acknowledge(), puback(7));
}

TEST_F(AckLedgerTest, QoS_2_is_delivered_once_until_it_is_released) {
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 7));
  EXPECT_EQ(store_.ids(), std::vector<std::uint16_t>{7});
  EXPECT_EQ(acknowledge(), pubrec(7));
  EXPECT_FALSE(again(QoS::kExactlyOnce, 7));
  EXPECT_EQ(acknowledge(), pubrec(7)) << "each time that the broker sends it";
  EXPECT_TRUE(ledger_->released(7).ok());
  EXPECT_EQ(acknowledge(), pubcomp(7));
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 7)) << "a new message";
}

TEST_F(AckLedgerTest, QoS_2_without_DUP_is_a_new_message_whatever_is_remembered) {
  store_.kept = {7};
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 7)) << "the record of its PUBREL was lost in a power cut";
}

TEST_F(AckLedgerTest, PUBREL_of_what_is_not_known_is_answered_too) {
  EXPECT_TRUE(ledger_->released(9).ok());
  EXPECT_EQ(acknowledge(), pubcomp(9));
}

TEST_F(AckLedgerTest, PUBCOMP_waits_until_the_release_is_safe) {
  store_.slow = true;
  EXPECT_TRUE(ledger_->released(9).ok());
  EXPECT_EQ(acknowledge(), "");
  store_.becomes_safe();
  EXPECT_EQ(acknowledge(), pubcomp(9));
}

TEST_F(AckLedgerTest, Nothing_is_acknowledged_before_its_receipt_nor_before_those_in_front_of_it) {
  const auto first = comes(QoS::kAtLeastOnce, 1);
  const auto second = comes(QoS::kExactlyOnce, 2);
  const auto third = comes(QoS::kAtLeastOnce, 3);
  third->give();
  second->give();
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_EQ(acknowledge(), "");
  first->give();
  EXPECT_TRUE(ledger_->has_due());
  EXPECT_EQ(acknowledge(), puback(1) + pubrec(2) + puback(3));
}

TEST_F(AckLedgerTest, Receipt_that_is_split_is_given_as_often) {
  const auto receipt = comes(QoS::kAtLeastOnce, 1);
  receipt->split(3);
  receipt->give();
  receipt->give();
  EXPECT_FALSE(ledger_->has_due());
  receipt->give();
  EXPECT_EQ(acknowledge(), puback(1));
  receipt->give();
  EXPECT_EQ(acknowledge(), "") << "one too many changes nothing";
}

TEST_F(AckLedgerTest, Says_when_something_becomes_due) {
  int due = 0;
  ledger_->connecting([&] { ++due; });
  EXPECT_TRUE(ledger_->connected(true).ok());
  const auto first = comes(QoS::kAtLeastOnce, 1);
  const auto second = comes(QoS::kAtLeastOnce, 2);
  second->give();
  EXPECT_EQ(due, 0);
  first->give();
  EXPECT_EQ(due, 1);
  comes(QoS::kAtLeastOnce, 3)->give();
  EXPECT_EQ(due, 1) << "it is known already";
}

TEST_F(AckLedgerTest, Identifiers_of_an_earlier_connection_count_when_its_session_lives) {
  store_.kept = {4};
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_FALSE(again(QoS::kExactlyOnce, 4));
  EXPECT_EQ(acknowledge(), pubrec(4));
}

TEST_F(AckLedgerTest, Identifiers_of_a_lost_session_are_forgotten) {
  store_.kept = {4};
  EXPECT_TRUE(ledger_->connected(false).ok());
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 4));
}

TEST_F(AckLedgerTest, Nothing_goes_out_until_forgetting_them_is_safe) {
  store_.slow = true;
  EXPECT_TRUE(ledger_->connected(false).ok());
  EXPECT_TRUE(deliver(QoS::kExactlyOnce, 4));
  EXPECT_EQ(acknowledge(), "") << "after a crash the identifier could belong to another message";
  store_.becomes_safe();
  EXPECT_EQ(acknowledge(), pubrec(4));
}

TEST_F(AckLedgerTest, Failure_to_forget_them_is_reported) {
  store_.failure = base::resource_exhausted("disk full");
  EXPECT_EQ(ledger_->connected(false).message(), "disk full");
  EXPECT_TRUE(ledger_->connected(true).ok());
}

TEST_F(AckLedgerTest, Failure_to_keep_a_release_is_reported) {
  store_.failure = base::resource_exhausted("disk full");
  EXPECT_EQ(ledger_->released(4).message(), "disk full");
  EXPECT_EQ(acknowledge(), "");
}

TEST_F(AckLedgerTest, What_was_refused_is_delivered_when_the_next_connection_brings_it) {
  const auto kept = comes(QoS::kAtLeastOnce, 1, "kept");
  comes(QoS::kAtLeastOnce, 2, "refused");
  ledger_->refused(QoS::kAtLeastOnce, 2);
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_FALSE(again(QoS::kAtLeastOnce, 1, "kept"));
  const auto refused = again(QoS::kAtLeastOnce, 2, "refused");
  ASSERT_TRUE(refused);
  refused->give();
  kept->give();
  EXPECT_EQ(acknowledge(), puback(1) + puback(2));
}

TEST_F(AckLedgerTest, What_was_refused_counts_as_new_when_it_comes_again) {
  EXPECT_TRUE(comes(QoS::kExactlyOnce, 4));
  ledger_->refused(QoS::kExactlyOnce, 4);
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_TRUE(store_.kept.empty());
  ledger_ = std::make_shared<AckLedger>(store_);
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_TRUE(comes(QoS::kExactlyOnce, 4));
}

// ---- Over a reconnect ----

TEST_F(AckLedgerTest, Owes_nothing_to_a_connection_that_is_being_made) {
  const auto one = comes(QoS::kAtLeastOnce, 1, "one");
  int due = 0;
  ledger_->connecting([&] { ++due; });
  one->give();
  EXPECT_EQ(due, 0);
  EXPECT_FALSE(ledger_->has_due());
  EXPECT_EQ(acknowledge(), "") << "it would be sent before CONNECT";
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_FALSE(again(QoS::kAtLeastOnce, 1, "one"));
  EXPECT_EQ(acknowledge(), puback(1));
}

TEST_F(AckLedgerTest, Held_message_that_comes_again_takes_its_place_on_the_new_connection) {
  const auto one = comes(QoS::kAtLeastOnce, 1, "one");
  const auto two = comes(QoS::kExactlyOnce, 2, "two");
  EXPECT_TRUE(ledger_->connected(true).ok());
  one->give();
  EXPECT_FALSE(ledger_->has_due()) << "the broker has not sent it again yet";
  EXPECT_FALSE(again(QoS::kExactlyOnce, 2, "two"));
  EXPECT_FALSE(again(QoS::kAtLeastOnce, 1, "one"));
  EXPECT_EQ(acknowledge(), "") << "the order is that of the new connection";
  two->give();
  EXPECT_EQ(acknowledge(), pubrec(2) + puback(1));
}

TEST_F(AckLedgerTest, Receipt_finds_its_message_over_several_reconnects) {
  const auto one = comes(QoS::kAtLeastOnce, 1, "one");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ledger_->connected(true).ok());
    EXPECT_FALSE(again(QoS::kAtLeastOnce, 1, "one"));
  }
  one->give();
  EXPECT_EQ(acknowledge(), puback(1));
  one->give();
  EXPECT_EQ(acknowledge(), "");
}

TEST_F(AckLedgerTest,
       Message_that_the_broker_repeats_on_a_connection_that_lives_is_delivered_once) {
  const auto one = comes(QoS::kAtLeastOnce, 1, "one");
  EXPECT_FALSE(again(QoS::kAtLeastOnce, 1, "one"));
  one->give();
  EXPECT_EQ(acknowledge(), puback(1));
}

TEST_F(AckLedgerTest, What_may_be_another_message_is_delivered) {
  comes(QoS::kAtLeastOnce, 1, "one");
  comes(QoS::kAtLeastOnce, 2, "two");
  comes(QoS::kAtLeastOnce, 3, "three");
  EXPECT_TRUE(ledger_->connected(true).ok());
  EXPECT_TRUE(again(QoS::kAtLeastOnce, 1, "two"))
      << "other content: the broker assigns new identifiers";
  EXPECT_TRUE(comes(QoS::kAtLeastOnce, 2, "two")) << "no DUP";
  EXPECT_TRUE(again(QoS::kAtLeastOnce, 4, "three")) << "another identifier";
}

TEST_F(AckLedgerTest, Receipt_of_a_lost_session_changes_nothing) {
  const auto old = comes(QoS::kAtLeastOnce, 1, "one");
  EXPECT_TRUE(ledger_->connected(false).ok());
  const auto fresh = again(QoS::kAtLeastOnce, 1, "one");
  ASSERT_TRUE(fresh) << "the session is gone, and its messages too";
  old->give();
  EXPECT_EQ(acknowledge(), "");
  fresh->give();
  EXPECT_EQ(acknowledge(), puback(1));
}

TEST_F(AckLedgerTest, Receipt_of_an_identifier_that_means_another_message_now_changes_nothing) {
  const auto old = comes(QoS::kAtLeastOnce, 1, "one");
  EXPECT_TRUE(ledger_->connected(true).ok());
  const auto fresh = comes(QoS::kAtLeastOnce, 1, "other");
  ASSERT_TRUE(fresh);
  old->give();
  EXPECT_EQ(acknowledge(), "");
}

}  // namespace
}  // namespace dapr_mqtt::packets
