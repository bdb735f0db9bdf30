#include "contract/inbox_contract.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

namespace dapr_mqtt::testing {
namespace {

using core::Inbox;
using core::InboxId;
using core::QoS;
using std::chrono::milliseconds;
using std::chrono::seconds;

core::TopicFilter filter(std::string_view text) { return core::TopicFilter::parse(text).value(); }

InboxId put(Inbox& inbox, std::string_view queue, std::size_t payload = 10, bool evictable = true) {
  return inbox.append(queue, make_message(std::string(queue) + "/t", payload), evictable)
      .value()
      .id;
}

/// Takes all messages that can be taken now, and returns their ids.
std::vector<InboxId> take_all(Inbox& inbox, std::string_view queue, base::WallTime now,
                              Inbox::Order order = Inbox::Order::kReady) {
  std::vector<InboxId> ids;
  while (auto entry = inbox.take(queue, now, order)) ids.push_back(entry->id);
  return ids;
}

std::size_t footprint(std::size_t payload, std::string_view topic) {
  return make_message(std::string(topic), payload).footprint();
}

using Ids = std::vector<InboxId>;

constexpr base::WallTime kInItsPlace{};

}  // namespace

TEST_P(InboxContract, take_gives_the_messages_of_a_queue_in_order_of_arrival) {
  auto inbox = make();
  const InboxId a1 = put(*inbox, "a");
  const InboxId b1 = put(*inbox, "b");
  const InboxId a2 = put(*inbox, "a");
  EXPECT_LT(a1, b1);
  EXPECT_LT(b1, a2);
  EXPECT_EQ(take_all(*inbox, "a", kNow), (Ids{a1, a2}));
  EXPECT_EQ(take_all(*inbox, "b", kNow), (Ids{b1}));
  EXPECT_EQ(take_all(*inbox, "c", kNow), Ids{});
}

TEST_P(InboxContract, messages_in_memory_are_taken_in_the_same_order_by_who_must_not_read_a_disk) {
  auto inbox = make();
  const auto take = [&](base::WallTime now, Inbox::Order order) -> InboxId {
    const Inbox::FromMemory taken = inbox->take_from_memory("a", now, order);
    if (taken.on_disk) {  // one that keeps nothing in memory
      EXPECT_FALSE(taken.entry);
      const auto read = inbox->take("a", now, order);
      return read ? read->id : 0;
    }
    if (!taken.entry) return 0;
    EXPECT_EQ(taken.entry->message->topic, "a/t");
    return taken.entry->id;
  };
  const InboxId first = put(*inbox, "a");
  put(*inbox, "b");
  const InboxId second = put(*inbox, "a");
  EXPECT_EQ(take(kNow, kStrict), first);
  EXPECT_EQ(take(kNow, kReady), second);
  EXPECT_EQ(take(kNow, kReady), 0U);
  inbox->release(first, 1, kNow + seconds(5));
  EXPECT_EQ(take(kNow, kStrict), 0U);
  EXPECT_EQ(take(kNow + seconds(5), kStrict), first);
  inbox->settle(first);
  inbox->settle(second);
  EXPECT_EQ(inbox->usage().messages, 1U);
}

TEST_P(InboxContract, oldest_received_is_that_of_the_oldest_message_not_yet_settled) {
  auto inbox = make();
  EXPECT_EQ(inbox->oldest_received(), std::nullopt);
  Ids ids;
  constexpr int kMessages = 500;  // more than are kept of those that have gone
  for (int i = 0; i < kMessages; ++i) {
    core::IncomingMessage message = make_message("a", 1, QoS::kAtLeastOnce);
    message.received = kNow + seconds(i);
    ids.push_back(inbox->append("a", message, false).value().id);
  }
  EXPECT_EQ(take_all(*inbox, "a", kNow), ids);
  for (int i = 1; i < kMessages; ++i) inbox->settle(ids[static_cast<std::size_t>(i)]);
  EXPECT_EQ(inbox->oldest_received(), kNow);
  core::IncomingMessage late = make_message("a", 1, QoS::kAtLeastOnce);
  late.received = kNow + seconds(kMessages);
  ASSERT_TRUE(inbox->append("a", late, false).ok());
  EXPECT_EQ(inbox->oldest_received(), kNow);
  inbox->settle(ids.front());
  EXPECT_EQ(inbox->oldest_received(), kNow + seconds(kMessages));
}

TEST_P(InboxContract, take_gives_the_message_as_it_was_appended) {
  auto inbox = make();
  core::IncomingMessage message = make_message("a/b", 0, QoS::kExactlyOnce);
  message.payload = std::string("\0\xff binary", 9);
  message.retained = true;
  message.duplicate = true;
  message.received = kNow;
  ASSERT_TRUE(inbox->append("a/#", message, false).ok());
  const auto entry = inbox->take("a/#", kNow, kReady);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->failures, 0U);
  EXPECT_EQ(entry->message->topic, "a/b");
  EXPECT_EQ(entry->message->payload, message.payload);
  EXPECT_EQ(entry->message->qos, QoS::kExactlyOnce);
  EXPECT_TRUE(entry->message->retained);
  EXPECT_TRUE(entry->message->duplicate);
  EXPECT_EQ(entry->message->received, kNow);
}

TEST_P(InboxContract, settled_message_is_gone_and_its_room_free) {
  auto inbox = make();
  const InboxId id = put(*inbox, "a");
  EXPECT_EQ(inbox->usage().messages, 1U);
  EXPECT_EQ(inbox->usage().bytes, footprint(10, "a/t"));
  ASSERT_TRUE(inbox->take("a", kNow, kReady));
  EXPECT_EQ(inbox->usage().messages, 1U) << "a taken message stays in the inbox";
  inbox->settle(id);
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_EQ(inbox->usage().bytes, 0U);
  inbox->release(id, 1, kNow);
  EXPECT_FALSE(inbox->take("a", kNow, kReady));
}

TEST_P(InboxContract, released_message_goes_back_to_its_place_of_arrival) {
  auto inbox = make();
  const InboxId first = put(*inbox, "a");
  const InboxId second = put(*inbox, "a");
  const InboxId third = put(*inbox, "a");
  ASSERT_EQ(inbox->take("a", kNow, kReady)->id, first);
  ASSERT_EQ(inbox->take("a", kNow, kReady)->id, second);
  inbox->release(second, 0, kInItsPlace);
  inbox->release(first, 3, kInItsPlace);
  const auto again = inbox->take("a", kNow, kReady);
  EXPECT_EQ(again->id, first);
  EXPECT_EQ(again->failures, 3U);
  EXPECT_EQ(take_all(*inbox, "a", kNow), (Ids{second, third}));
}

TEST_P(InboxContract, ready_order_lets_others_pass_what_is_not_due_yet) {
  auto inbox = make();
  const InboxId first = put(*inbox, "a");
  const InboxId second = put(*inbox, "a");
  ASSERT_EQ(inbox->take("a", kNow, kReady)->id, first);
  inbox->release(first, 1, kNow + seconds(5));
  EXPECT_EQ(take_all(*inbox, "a", kNow + milliseconds(4999)), (Ids{second}));
  EXPECT_EQ(take_all(*inbox, "a", kNow + seconds(5)), (Ids{first}));
}

TEST_P(InboxContract, ready_order_gives_turns_to_what_is_due_again_and_what_is_new) {
  auto inbox = make();
  Ids ids;
  for (int i = 0; i < 6; ++i) ids.push_back(put(*inbox, "a"));
  for (int i = 0; i < 3; ++i) ASSERT_EQ(inbox->take("a", kNow, kReady)->id, ids[i]);
  inbox->release(ids[0], 1, kNow + seconds(3));
  inbox->release(ids[1], 1, kNow + seconds(2));
  inbox->release(ids[2], 1, kNow + seconds(4));
  EXPECT_EQ(take_all(*inbox, "a", kNow + seconds(3)),
            (Ids{ids[1], ids[3], ids[0], ids[4], ids[5]}));
  EXPECT_EQ(take_all(*inbox, "a", kNow + seconds(4)), (Ids{ids[2]}));
}

TEST_P(InboxContract, strict_order_holds_the_queue_until_its_oldest_is_due) {
  auto inbox = make();
  const InboxId first = put(*inbox, "a");
  const InboxId second = put(*inbox, "a");
  ASSERT_EQ(inbox->take("a", kNow, kStrict)->id, first);
  inbox->release(first, 1, kNow + seconds(5));
  EXPECT_EQ(take_all(*inbox, "a", kNow + milliseconds(4999), kStrict), Ids{});
  EXPECT_EQ(take_all(*inbox, "a", kNow + seconds(5), kStrict), (Ids{first, second}));
}

TEST_P(InboxContract, next_due_tells_when_take_will_give_something) {
  auto inbox = make();
  EXPECT_EQ(inbox->next_due("a", kReady), std::nullopt);
  const InboxId first = put(*inbox, "a");
  EXPECT_LE(inbox->next_due("a", kReady), kNow);
  ASSERT_TRUE(inbox->take("a", kNow, kReady));
  EXPECT_EQ(inbox->next_due("a", kReady), std::nullopt) << "a taken message does not wait";
  inbox->release(first, 1, kNow + seconds(5));
  EXPECT_EQ(inbox->next_due("a", kReady), kNow + seconds(5));
  EXPECT_EQ(inbox->next_due("a", kStrict), kNow + seconds(5));
  put(*inbox, "a");
  EXPECT_LE(inbox->next_due("a", kReady), kNow);
  EXPECT_EQ(inbox->next_due("a", kStrict), kNow + seconds(5));
}

TEST_P(InboxContract, ids_that_are_not_taken_are_ignored) {
  auto inbox = make();
  const InboxId waiting = put(*inbox, "a");
  inbox->settle(waiting);
  inbox->settle(waiting + 1000);
  inbox->release(waiting, 7, kNow + seconds(9));
  inbox->release(waiting + 1000, 7, kNow);
  const auto entry = inbox->take("a", kNow, kReady);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->failures, 0U);
}

TEST_P(InboxContract, claim_moves_what_matches_in_order_of_arrival) {
  auto inbox = make();
  const auto unclaimed = [&](std::string topic) {
    return inbox->append(Inbox::kUnclaimed, make_message(std::move(topic)), false).value().id;
  };
  const InboxId a1 = unclaimed("a/1");
  const InboxId b1 = unclaimed("b/1");
  const InboxId direct = put(*inbox, "$share/g/a/#");
  const InboxId a2 = unclaimed("a/2");
  EXPECT_EQ(inbox->claim(filter("$share/g/a/#")), 2U);
  EXPECT_EQ(take_all(*inbox, "$share/g/a/#", kNow), (Ids{a1, direct, a2}));
  EXPECT_EQ(inbox->claim(filter("a/#")), 0U);
  EXPECT_EQ(inbox->claim(filter("b/+")), 1U);
  EXPECT_EQ(take_all(*inbox, "b/+", kNow), (Ids{b1}));
  EXPECT_EQ(inbox->usage().messages, 4U);
}

TEST_P(InboxContract, claim_and_discard_handle_any_number) {
  auto inbox = make();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(inbox->append(Inbox::kUnclaimed, make_message(i % 3 == 0 ? "a" : "b"), false).ok());
  }
  EXPECT_EQ(inbox->claim(filter("a")), 1000U);
  EXPECT_EQ(inbox->claim(filter("+")), 2000U);
  EXPECT_EQ(inbox->discard("a"), 1000U);
  EXPECT_EQ(inbox->discard("+"), 2000U);
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_EQ(inbox->usage().bytes, 0U);
}

TEST_P(InboxContract, discard_drops_what_waits_and_leaves_what_is_taken) {
  auto inbox = make();
  const InboxId taken = put(*inbox, "a");
  const InboxId failed = put(*inbox, "a");
  put(*inbox, "a");
  put(*inbox, "b");
  ASSERT_EQ(inbox->take("a", kNow, kReady)->id, taken);
  ASSERT_EQ(inbox->take("a", kNow, kReady)->id, failed);
  inbox->release(failed, 1, kNow + seconds(5));
  EXPECT_EQ(inbox->discard("a"), 2U);
  EXPECT_EQ(inbox->discard("c"), 0U);
  EXPECT_EQ(inbox->next_due("a", kReady), std::nullopt);
  EXPECT_EQ(inbox->usage().messages, 2U);
  inbox->release(taken, 0, kNow);
  EXPECT_EQ(take_all(*inbox, "a", kNow), (Ids{taken}));
}

TEST_P(InboxContract, at_the_limit_of_messages_the_oldest_of_the_longest_queue_goes) {
  auto inbox = make({.max_messages = 3, .max_bytes = 1U << 20U});
  put(*inbox, "short", 5000);
  const InboxId oldest = put(*inbox, "long");
  const InboxId kept = put(*inbox, "long");
  const auto outcome = inbox->append("long", make_message("t", 1, QoS::kAtMostOnce), true).value();
  EXPECT_NE(outcome.id, 0U);
  EXPECT_EQ(outcome.dropped, 1U);
  ASSERT_EQ(outcome.evicted.size(), 1U);
  EXPECT_EQ(outcome.evicted[0].queue, "long");
  EXPECT_EQ(outcome.evicted[0].messages, 1U);
  EXPECT_EQ(outcome.evicted[0].qos0, 0U) << "the dropped message had QoS 1";
  EXPECT_LT(oldest, kept);
  EXPECT_EQ(take_all(*inbox, "long", kNow), (Ids{kept, outcome.id}));
}

TEST_P(InboxContract, at_the_limit_of_bytes_the_oldest_of_the_fullest_queue_go) {
  const std::size_t unit = footprint(1000, "t");
  auto inbox = make({.max_messages = 100, .max_bytes = 6 * unit});
  const auto add = [&](std::string_view queue, std::size_t payload) {
    return inbox->append(queue, make_message("t", payload, QoS::kAtMostOnce), true).value();
  };
  for (int i = 0; i < 3; ++i) add("many small", 0);
  Ids fat;
  for (int i = 0; i < 5; ++i) fat.push_back(add("fat", 1000).id);
  const auto outcome = add("new", 2000);
  EXPECT_NE(outcome.id, 0U);
  EXPECT_EQ(outcome.dropped, 2U);
  ASSERT_EQ(outcome.evicted.size(), 1U);
  EXPECT_EQ(outcome.evicted[0].queue, "fat");
  EXPECT_EQ(outcome.evicted[0].qos0, 2U);
  EXPECT_EQ(take_all(*inbox, "fat", kNow), (Ids{fat[2], fat[3], fat[4]}));
  EXPECT_EQ(take_all(*inbox, "many small", kNow).size(), 3U);
}

TEST_P(InboxContract, new_message_is_not_taken_when_nothing_can_go_for_it) {
  auto inbox = make({.max_messages = 2, .max_bytes = 1U << 20U});
  put(*inbox, "a");
  put(*inbox, "a");
  EXPECT_EQ(take_all(*inbox, "a", kNow).size(), 2U);
  const auto outcome = inbox->append("b", make_message("t", 1, QoS::kAtMostOnce), true).value();
  EXPECT_EQ(outcome.id, 0U);
  EXPECT_EQ(outcome.dropped, 1U);
  ASSERT_EQ(outcome.evicted.size(), 1U);
  EXPECT_EQ(outcome.evicted[0].queue, "b");
  EXPECT_EQ(outcome.evicted[0].qos0, 1U);
  EXPECT_TRUE(outcome.full);
  EXPECT_FALSE(inbox->take("b", kNow, kReady));
}

TEST_P(InboxContract, message_over_the_limit_by_itself_costs_no_other) {
  auto inbox = make({.max_messages = 10, .max_bytes = 10'000});
  put(*inbox, "a");
  const auto outcome = inbox->append("a", make_message("t", 20'000), true).value();
  EXPECT_EQ(outcome.id, 0U);
  EXPECT_EQ(outcome.dropped, 1U);
  EXPECT_EQ(inbox->usage().messages, 1U);
}

TEST_P(InboxContract, messages_not_evictable_go_past_the_limits_and_are_never_dropped) {
  auto inbox = make({.max_messages = 2, .max_bytes = 1U << 20U});
  Ids kept;
  for (int i = 0; i < 4; ++i) {
    const auto outcome = inbox->append("a", make_message("t"), false).value();
    EXPECT_EQ(outcome.dropped, 0U);
    EXPECT_EQ(outcome.full, i >= 1);
    kept.push_back(outcome.id);
  }
  EXPECT_EQ(inbox->usage().messages, 4U);
  EXPECT_EQ(inbox->append("b", make_message("t"), true).value().id, 0U);
  EXPECT_EQ(take_all(*inbox, "a", kNow), kept);
}

TEST_P(InboxContract, evictable_messages_go_for_one_that_is_not) {
  auto inbox = make({.max_messages = 2, .max_bytes = 1U << 20U});
  put(*inbox, "a", 10, true);
  put(*inbox, "a", 10, true);
  EXPECT_FALSE(inbox->full()) << "both may be dropped";
  EXPECT_TRUE(inbox->half_empty());
  const auto outcome = inbox->append("b", make_message("t"), false).value();
  EXPECT_NE(outcome.id, 0U);
  EXPECT_EQ(outcome.dropped, 1U);
  EXPECT_FALSE(outcome.full);
  ASSERT_TRUE(inbox->take("a", kNow, kReady));
  EXPECT_TRUE(inbox->full()) << "a taken message may not be dropped";
}

TEST_P(InboxContract, released_message_may_be_dropped_again) {
  auto inbox = make({.max_messages = 1, .max_bytes = 1U << 20U});
  const InboxId first = put(*inbox, "a");
  ASSERT_TRUE(inbox->take("a", kNow, kReady));
  EXPECT_EQ(inbox->append("a", make_message("t"), true).value().id, 0U);
  inbox->release(first, 1, kNow + seconds(5));
  const InboxId second = inbox->append("a", make_message("t"), true).value().id;
  EXPECT_NE(second, 0U);
  EXPECT_EQ(take_all(*inbox, "a", kNow + seconds(5)), (Ids{second}));
}

TEST_P(InboxContract, full_and_half_empty_go_by_both_limits) {
  const std::size_t unit = footprint(1000, "t");
  auto inbox = make({.max_messages = 4, .max_bytes = 4 * unit});
  const auto add = [&](std::size_t payload) {
    return inbox->append("q", make_message("t", payload), false).value();
  };
  EXPECT_TRUE(inbox->half_empty());
  EXPECT_FALSE(add(0).full);
  EXPECT_TRUE(inbox->half_empty());
  add(0);
  EXPECT_FALSE(inbox->half_empty()) << "half of the messages";
  EXPECT_FALSE(inbox->full());
  add(0);
  EXPECT_TRUE(add(0).full);
  EXPECT_TRUE(inbox->full());
  for (const InboxId id : take_all(*inbox, "q", kNow)) inbox->settle(id);
  EXPECT_TRUE(inbox->half_empty());
  EXPECT_FALSE(inbox->full());
  EXPECT_TRUE(add(5000).full) << "bytes alone";
  EXPECT_FALSE(inbox->half_empty());
}

TEST_P(InboxContract, limit_of_one_message_is_half_empty_when_empty) {
  auto inbox = make({.max_messages = 1, .max_bytes = 1U << 20U});
  EXPECT_TRUE(inbox->half_empty());
  put(*inbox, "a", 10, false);
  EXPECT_TRUE(inbox->full());
  EXPECT_FALSE(inbox->half_empty());
}

TEST_P(InboxContract, silent_topic_with_a_flood_costs_a_topic_under_its_share_nothing) {
  constexpr std::size_t kMessages = 1000;
  constexpr std::size_t kBytes = 1U << 20U;
  auto inbox = make({.max_messages = kMessages, .max_bytes = kBytes});
  // Two topics under their share of a third: one by few large messages, one
  // that is handled as it comes.
  Ids large;
  for (int i = 0; i < 10; ++i) large.push_back(put(*inbox, "large", 30'000));
  std::size_t silent_drops = 0;
  for (std::size_t i = 0; i < GetParam().flood; ++i) {
    const auto outcome = inbox->append("silent", make_message("s", i % 100), true).value();
    for (const auto& evicted : outcome.evicted) {
      ASSERT_EQ(evicted.queue, "silent") << "message " << i;
      silent_drops += evicted.messages;
    }
    if (i % 1000 != 0) continue;
    for (const std::size_t payload : {0U, 200'000U, 10U}) {
      const auto lively = inbox->append("lively", make_message("l", payload), true).value();
      ASSERT_NE(lively.id, 0U);
      for (const auto& evicted : lively.evicted) {
        ASSERT_EQ(evicted.queue, "silent");
        silent_drops += evicted.messages;
      }
      if (payload != 0) inbox->settle(inbox->take("lively", kNow, kReady)->id);
    }
    inbox->settle(inbox->take("lively", kNow, kReady)->id);
  }
  EXPECT_EQ(take_all(*inbox, "large", kNow), large);
  EXPECT_EQ(take_all(*inbox, "silent", kNow).size(), GetParam().flood - silent_drops);
  EXPECT_LE(inbox->usage().messages, kMessages);
  EXPECT_LE(inbox->usage().bytes, kBytes);
}

TEST_P(InboxContract, append_and_the_rest_may_run_on_two_threads) {
  constexpr std::size_t kCount = 5000;
  auto inbox = make();
  std::atomic<bool> done{false};
  std::thread receiver([&] {
    for (std::size_t i = 0; i < kCount; ++i) {
      const std::string_view queue = i % 10 == 0 ? Inbox::kUnclaimed : "q";
      static_cast<void>(inbox->append(queue, make_message("q"), i % 2 == 0));
    }
    done = true;
  });
  std::size_t settled = 0;
  InboxId last = 0;
  bool once_more = true;
  while (once_more) {
    once_more = !done;
    static_cast<void>(inbox->next_due("q", kReady));
    static_cast<void>(inbox->usage());
    while (auto entry = inbox->take("q", kNow, kReady)) {
      EXPECT_LT(last, entry->id);
      last = entry->id;
      inbox->settle(entry->id);
      ++settled;
    }
  }
  receiver.join();
  EXPECT_EQ(settled, kCount - kCount / 10);
  EXPECT_EQ(inbox->claim(filter("q")), kCount / 10);
  EXPECT_EQ(inbox->discard("q"), kCount / 10);
}

TEST_P(InboxContract, abandoned_messages_stay_until_room_is_needed) {
  const auto inbox = make({.max_messages = 3, .max_bytes = 1U << 20U});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(inbox->append("old", make_message("t"), false).ok());
  ASSERT_TRUE(inbox->append("new", make_message("t"), false).value().full);
  EXPECT_THAT(inbox->queues(), ::testing::UnorderedElementsAre("old", "new"));
  EXPECT_EQ(inbox->abandon("old"), 2U);
  EXPECT_EQ(inbox->abandon("none"), 0U);
  EXPECT_FALSE(inbox->full());
  EXPECT_EQ(inbox->usage().messages, 3U);

  const core::AppendOutcome outcome = inbox->append("new", make_message("t"), false).value();
  EXPECT_EQ(outcome.dropped, 1U);
  ASSERT_EQ(outcome.evicted.size(), 1U);
  EXPECT_EQ(outcome.evicted[0].queue, "old");
  ASSERT_TRUE(inbox->take("old", kNow, kReady)) << "the younger one is still there";
  EXPECT_FALSE(inbox->take("old", kNow, kReady));
}

}  // namespace dapr_mqtt::testing
