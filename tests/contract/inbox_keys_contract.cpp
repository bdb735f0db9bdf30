// What every implementation of core::Inbox must do in Order::kByKey.
#include <algorithm>
#include <vector>

#include "contract/inbox_contract.h"

namespace dapr_mqtt::testing {
namespace {

using core::Inbox;
using core::InboxId;
using std::chrono::seconds;

constexpr auto kByKey = Inbox::Order::kByKey;
using Ids = std::vector<InboxId>;

InboxId put_one(Inbox& inbox, const std::string& topic, std::string_view queue = "d/+") {
  return inbox.append(queue, make_message(topic), false).value().id;
}

InboxId put_with(Inbox& inbox, const std::string& topic, const std::string& device) {
  core::IncomingMessage message = make_message(topic);
  core::MessageProperties properties;
  properties.user_properties = {{"kind", "t"}, {"device", device}, {"device", "second"}};
  message.properties = std::make_shared<const core::MessageProperties>(properties);
  return inbox.append("d/+", message, false).value().id;
}

std::optional<InboxId> take(Inbox& inbox, base::WallTime now) {
  const auto entry = inbox.take("d/+", now, kByKey);
  return entry ? std::optional(entry->id) : std::nullopt;
}

Ids take_all(Inbox& inbox, base::WallTime now) {
  Ids ids;
  while (const auto id = take(inbox, now)) ids.push_back(*id);
  return ids;
}

core::OrderKey key(std::string_view text) { return core::OrderKey::parse(text).value(); }

}  // namespace

TEST_P(InboxContract, key_order_gives_one_message_of_each_key_at_a_time) {
  auto inbox = make();
  inbox->order_by("d/+", key("topic"));
  const InboxId a1 = put_one(*inbox, "d/a");
  const InboxId a2 = put_one(*inbox, "d/a");
  const InboxId b1 = put_one(*inbox, "d/b");
  const InboxId a3 = put_one(*inbox, "d/a");
  EXPECT_EQ(take_all(*inbox, kNow), (Ids{a1, b1}));
  EXPECT_EQ(inbox->next_due("d/+", kByKey), std::nullopt);
  inbox->settle(a1);
  EXPECT_EQ(inbox->next_due("d/+", kByKey), base::WallTime{});
  EXPECT_EQ(take_all(*inbox, kNow), Ids{a2});
  inbox->settle(b1);
  EXPECT_EQ(take_all(*inbox, kNow), Ids{});
  inbox->settle(a2);
  EXPECT_EQ(take_all(*inbox, kNow), Ids{a3});
}

TEST_P(InboxContract, key_order_has_a_failed_message_again_before_the_next_of_its_key) {
  auto inbox = make();
  inbox->order_by("d/+", key("topic"));
  const InboxId a1 = put_one(*inbox, "d/a");
  const InboxId a2 = put_one(*inbox, "d/a");
  const InboxId b1 = put_one(*inbox, "d/b");
  const InboxId b2 = put_one(*inbox, "d/b");
  ASSERT_EQ(take_all(*inbox, kNow), (Ids{a1, b1}));
  inbox->release(a1, 1, kNow + seconds(5));
  inbox->settle(b1);
  EXPECT_EQ(take_all(*inbox, kNow), Ids{b2}) << "the others go on";
  EXPECT_EQ(inbox->next_due("d/+", kByKey), kNow + seconds(5));
  EXPECT_EQ(take_all(*inbox, kNow + seconds(5)), Ids{a1});
  inbox->release(a1, 1, Inbox::kInItsPlace);
  EXPECT_EQ(take(*inbox, kNow), a1);
  inbox->settle(a1);
  EXPECT_EQ(take(*inbox, kNow), a2);
}

TEST_P(InboxContract, key_order_takes_turns_between_what_is_due_again_and_what_is_new) {
  auto inbox = make();
  inbox->order_by("d/+", key("topic"));
  const InboxId bad1 = put_one(*inbox, "d/bad1");
  const InboxId bad2 = put_one(*inbox, "d/bad2");
  ASSERT_EQ(take_all(*inbox, kNow), (Ids{bad1, bad2}));
  inbox->release(bad1, 1, kNow);
  inbox->release(bad2, 1, kNow);
  const InboxId a = put_one(*inbox, "d/a");
  const InboxId b = put_one(*inbox, "d/b");
  EXPECT_EQ(take_all(*inbox, kNow), (Ids{bad1, a, bad2, b}));
}

TEST_P(InboxContract, key_order_goes_by_a_level_of_the_topic) {
  auto inbox = make();
  inbox->order_by("d/+", key("segment:2"));
  const InboxId one = put_one(*inbox, "d/1/temperature");
  put_one(*inbox, "d/1/humidity");
  const InboxId two = put_one(*inbox, "d/2/temperature");
  const InboxId none = put_one(*inbox, "d");
  EXPECT_EQ(take_all(*inbox, kNow), (Ids{one, two, none}));
}

TEST_P(InboxContract, key_order_goes_by_a_user_property) {
  auto inbox = make();
  inbox->order_by("d/+", key("property:device"));
  const InboxId one = put_with(*inbox, "d/a", "1");
  put_with(*inbox, "d/b", "1");
  const InboxId two = put_with(*inbox, "d/a", "2");
  const InboxId none = put_one(*inbox, "d/a");
  put_one(*inbox, "d/a");
  EXPECT_EQ(take_all(*inbox, kNow), (Ids{one, two, none}));
}

TEST_P(InboxContract, keys_hold_for_what_is_in_the_queue_already) {
  auto inbox = make();
  const InboxId a1 = put_with(*inbox, "d/a", "1");
  const InboxId a2 = put_with(*inbox, "d/a", "1");
  const InboxId b1 = put_with(*inbox, "d/b", "2");
  ASSERT_TRUE(inbox->commit().ok());
  ASSERT_EQ(inbox->take("d/+", kNow, kReady)->id, a1);
  inbox->order_by("d/+", key("property:device"));
  EXPECT_EQ(take_all(*inbox, kNow), Ids{b1}) << "a message of the other key is taken";
  inbox->settle(a1);
  EXPECT_EQ(take_all(*inbox, kNow), Ids{a2});
  const InboxId b2 = put_with(*inbox, "d/b", "2");
  inbox->settle(b1);
  inbox->order_by("d/+", key("topic"));
  EXPECT_EQ(take_all(*inbox, kNow), Ids{b2});
}

TEST_P(InboxContract, keys_hold_for_what_is_claimed) {
  auto inbox = make();
  const auto unclaimed = Inbox::kUnclaimed;
  const InboxId a1 = put_one(*inbox, "d/a", unclaimed);
  const InboxId a2 = put_one(*inbox, "d/a", unclaimed);
  ASSERT_TRUE(inbox->commit().ok());
  inbox->order_by("d/+", key("topic"));
  EXPECT_EQ(inbox->claim(core::TopicFilter::parse("d/+").value()), 2U);
  const InboxId a3 = put_one(*inbox, "d/a");
  for (const InboxId id : {a1, a2, a3}) {
    EXPECT_EQ(take_all(*inbox, kNow), Ids{id});
    inbox->settle(id);
  }
}

TEST_P(InboxContract, keys_outlive_the_queue_and_end_when_they_are_taken_back) {
  auto inbox = make();
  inbox->order_by("d/+", key("topic"));
  for (int round = 0; round < 2; ++round) {
    const InboxId a1 = put_one(*inbox, "d/a");
    const InboxId a2 = put_one(*inbox, "d/a");
    EXPECT_EQ(take_all(*inbox, kNow), Ids{a1});
    inbox->settle(a1);
    EXPECT_EQ(take_all(*inbox, kNow), Ids{a2});
    inbox->settle(a2);
    ASSERT_TRUE(inbox->queues().empty());
  }
  put_one(*inbox, "d/a");
  put_one(*inbox, "d/a");
  inbox->order_by("d/+", std::nullopt);
  EXPECT_EQ(take_all(*inbox, kNow).size(), 2U);
}

TEST_P(InboxContract, next_of_a_key_follows_when_the_one_before_it_is_dropped) {
  auto inbox = make({.max_messages = 2, .max_bytes = 1U << 20U});
  inbox->order_by("d/+", key("topic"));
  const InboxId a1 = inbox->append("d/+", make_message("d/a"), true).value().id;
  const InboxId a2 = inbox->append("d/+", make_message("d/a"), true).value().id;
  ASSERT_EQ(take(*inbox, kNow), a1);
  inbox->release(a1, 1, kNow + seconds(5));
  ASSERT_EQ(take(*inbox, kNow), std::nullopt);
  ASSERT_EQ(inbox->append("d/+", make_message("d/b"), true).value().dropped, 1U);  // a1 goes
  EXPECT_EQ(take(*inbox, kNow), a2);
}

/// A backlog of very many topics is read in parts, and none of it is taken out of order.
TEST_P(InboxContract, many_keys_on_disk_are_read_before_the_first_is_taken) {
  auto inbox = make();
  constexpr std::size_t kTopics = 1200;
  Ids first;
  for (std::size_t n = 0; n < 2 * kTopics; ++n) {
    const InboxId id = put_one(*inbox, "d/" + std::to_string(n % kTopics));
    if (n < kTopics) first.push_back(id);
  }
  ASSERT_TRUE(inbox->commit().ok());
  inbox->order_by("d/+", key("topic"));
  Ids taken;
  for (int rounds = 0; rounds < 10 && taken.size() < kTopics; ++rounds) {
    const Ids some = take_all(*inbox, kNow);
    taken.insert(taken.end(), some.begin(), some.end());
    if (some.empty()) {
      EXPECT_EQ(inbox->next_due("d/+", kByKey), base::WallTime{});
    }
  }
  EXPECT_EQ(taken, first);
}

}  // namespace dapr_mqtt::testing
