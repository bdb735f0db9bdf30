// The result of commit() while the disk fails, on which the acknowledgements depend.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/lossy_disk.h"
#include "support/receipts.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

using core::QoS;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Texts = std::vector<std::string>;

/// An inbox on a disk that the test can fill.
struct CommitTest : ::testing::Test {
  CommitTest() {
    options.database.vfs = disk.name();
    inbox = SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log)).value();
  }
  ~CommitTest() override { inbox.reset(); }

  core::InboxId append(const std::string& payload, QoS qos, core::PacketStore::Id packet = 0,
                       core::Keep keep = core::Keep::kStore) {
    core::IncomingMessage message;
    message.topic = "t";
    message.payload = payload;
    message.qos = qos;
    message.packet = {0, packet};
    message.receipt = receipt();
    if (packet != 0) packets().put(packet);
    return inbox->append("q", std::move(message), false, keep).value().id;
  }
  core::InboxId hold(const std::string& payload, QoS qos, core::PacketStore::Id packet = 0) {
    return append(payload, qos, packet, core::Keep::kHold);
  }
  core::Receipt receipt() { return {receipts, ++last_receipt}; }
  std::vector<std::uint64_t> given() const { return receipts->given(); }
  void settle_next() { inbox->settle(inbox->take("q", kNow, kReady)->id); }
  core::PacketStore& packets() { return inbox->session().packets(0); }
  bool committed() { return inbox->commit().ok(); }

  struct Left {
    Texts messages;
    std::vector<core::PacketStore::Id> packets;
  };
  /// What a kill at this moment would leave on disk.
  Left after_kill() {
    const testing::ScratchFolder copy;
    disk.kill(copy.path().string());
    const auto found = SqliteInbox::open(copy.file("inbox.db"), {}, base::Log(log)).value();
    Left left;
    while (auto entry = found->take("q", kNow, kReady)) {
      left.messages.push_back(entry->message->payload);
    }
    left.packets = found->session().packets(0).ids();
    return left;
  }

  testing::ScratchFolder folder;
  testing::CapturedLog log;
  testing::LossyDisk disk;
  SqliteInboxOptions options;
  std::unique_ptr<SqliteInbox> inbox;
  const std::shared_ptr<testing::Receipts> receipts = std::make_shared<testing::Receipts>();
  std::uint64_t last_receipt = 0;
};

TEST_F(CommitTest, fails_for_a_message_of_qos_2_until_message_and_mark_are_stored) {
  disk.fill_after(0);
  append("two", QoS::kExactlyOnce, 7);
  EXPECT_FALSE(committed());
  EXPECT_TRUE(packets().contains(7));
  EXPECT_THAT(after_kill().packets, IsEmpty());
  EXPECT_THAT(given(), IsEmpty());
  disk.empty();
  EXPECT_FALSE(committed()) << "the disk has not been tried since";
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1));
  EXPECT_TRUE(committed());
  EXPECT_THAT(after_kill().messages, ElementsAre("two"));
  EXPECT_THAT(after_kill().packets, ElementsAre(7));
}

TEST_F(CommitTest, fails_for_a_release_until_it_is_stored) {
  append("two", QoS::kExactlyOnce, 7);
  ASSERT_TRUE(committed());
  disk.fill_after(0);
  ASSERT_TRUE(packets().remove(7, receipt()).ok());
  EXPECT_FALSE(committed());
  ASSERT_TRUE(packets().remove(7, receipt()).ok()) << "its PUBREL came again";
  EXPECT_THAT(after_kill().packets, ElementsAre(7));
  EXPECT_THAT(given(), ElementsAre(1)) << "unknown, and still on disk";
  disk.empty();
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1, 2, 3));
  EXPECT_TRUE(committed());
  EXPECT_THAT(after_kill().packets, IsEmpty());
}

TEST_F(CommitTest, fails_for_the_end_of_a_session_until_it_is_stored) {
  append("two", QoS::kExactlyOnce, 7);
  ASSERT_TRUE(committed());
  disk.fill_after(0);
  ASSERT_TRUE(packets().clear(receipt()).ok());
  EXPECT_FALSE(committed());
  EXPECT_THAT(given(), ElementsAre(1));
  disk.empty();
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1, 2));
}

TEST_F(CommitTest, fails_when_a_flush_before_it_did) {
  append("one", QoS::kAtLeastOnce);
  append("two", QoS::kExactlyOnce, 7);
  disk.fill_after(0);
  EXPECT_FALSE(inbox->flush().ok());
  EXPECT_FALSE(committed());
}

TEST_F(CommitTest, stores_what_a_flush_has_left_of_messages_from_before) {
  // More than one flush writes. None of these messages was acknowledged.
  constexpr std::size_t kMany = 1200;
  for (std::size_t i = 0; i < kMany; ++i) append("one", QoS::kAtLeastOnce);
  disk.fill_after(0);
  EXPECT_FALSE(committed());
  disk.empty();
  ASSERT_TRUE(inbox->flush().value()) << "more is left";
  const std::size_t stored = after_kill().messages.size();
  ASSERT_LT(stored, kMany);
  EXPECT_THAT(given(), SizeIs(stored)) << "for these and no others";
  while (inbox->flush().value()) {
  }
  EXPECT_THAT(after_kill().messages, SizeIs(kMany));
  EXPECT_THAT(given(), SizeIs(kMany));
}

TEST_F(CommitTest, fails_again_with_messages_from_before_in_it) {
  constexpr std::size_t kMany = 1200;
  for (std::size_t i = 0; i < kMany; ++i) append("two", QoS::kExactlyOnce);
  disk.fill_after(0);
  EXPECT_FALSE(committed());
  disk.empty();
  ASSERT_TRUE(inbox->flush().value()) << "more is left";
  disk.fill_after(0);
  EXPECT_FALSE(inbox->flush().ok());
  EXPECT_FALSE(committed());
  disk.empty();
  while (inbox->flush().value()) {
  }
  EXPECT_TRUE(committed());
  EXPECT_THAT(after_kill().messages, SizeIs(kMany));
}

TEST_F(CommitTest, mark_that_was_never_stored_needs_no_disk) {
  disk.fill_after(0);
  packets().put(7);
  EXPECT_TRUE(committed()) << "its message was dropped";
  ASSERT_TRUE(packets().remove(7, receipt()).ok());
  EXPECT_THAT(given(), ElementsAre(1));
}

// ---- Messages of QoS 0 ----

/// Large messages without a guarantee.
struct UnpromisedTest : CommitTest {
  static constexpr std::size_t kMiB = 1U << 20U;
  static constexpr std::size_t kMany = 100;

  /// Returns how many were dropped.
  std::size_t append_many() {
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < kMany; ++i) {
      core::IncomingMessage message;
      message.topic = "t";
      message.payload = std::string(kMiB, 'x');
      message.qos = QoS::kAtMostOnce;
      dropped += inbox->append("q", std::move(message), true).value().dropped;
    }
    return dropped;
  }
  void open_large() {
    options.limits.max_bytes = 1024 * kMiB;
    inbox.reset();
    inbox = SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log)).value();
  }
};

TEST_F(UnpromisedTest, does_not_fill_the_memory_while_the_disk_fails) {
  open_large();
  disk.fill_after(0);
  append("one", QoS::kAtLeastOnce);
  EXPECT_FALSE(committed());
  const std::size_t dropped = append_many();
  EXPECT_LE(inbox->usage().bytes, 40 * kMiB);
  EXPECT_EQ(inbox->usage().messages + dropped, kMany + 1);
  disk.empty();
  while (inbox->flush().value()) {
  }
  EXPECT_EQ(append_many(), 0U);
  EXPECT_EQ(inbox->usage().messages + dropped, 2 * kMany + 1);
}

TEST_F(UnpromisedTest, goes_to_the_disk_before_it_fills_the_memory) {
  open_large();
  EXPECT_EQ(append_many(), 0U);
  EXPECT_GE(after_kill().messages.size(), kMany - 40);
}

// ---- Held messages ----

TEST_F(CommitTest, held_message_that_is_handled_never_touches_the_disk) {
  hold("one", QoS::kAtLeastOnce);
  hold("two", QoS::kExactlyOnce, 7);
  disk.fill_after(0);
  EXPECT_TRUE(committed());
  EXPECT_THAT(given(), IsEmpty());
  EXPECT_EQ(inbox->held().usage.messages, 2U);
  settle_next();
  settle_next();
  EXPECT_THAT(given(), ElementsAre(1, 2));
  EXPECT_EQ(inbox->held().usage.messages, 0U);
  ASSERT_TRUE(packets().remove(7, receipt()).ok());
  EXPECT_THAT(given(), ElementsAre(1, 2, 3)) << "its identifier was never on disk";
  EXPECT_FALSE(inbox->flush().value());
}

TEST_F(CommitTest, held_message_that_the_app_failed_is_stored_and_then_acknowledged) {
  int told = 0;
  inbox->watch([&] { ++told; });
  hold("one", QoS::kExactlyOnce, 7);
  const auto entry = inbox->take("q", kNow, kReady);
  inbox->release(entry->id, 1, kNow + std::chrono::seconds(5));
  EXPECT_EQ(told, 1);
  EXPECT_THAT(given(), IsEmpty());
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1));
  EXPECT_THAT(after_kill().packets, ElementsAre(7));
  EXPECT_EQ(inbox->held().usage.messages, 0U);
}

TEST_F(CommitTest, held_message_that_goes_back_in_its_place_stays_held) {
  hold("one", QoS::kAtLeastOnce);
  const auto entry = inbox->take("q", kNow, kReady);
  inbox->release(entry->id, 0, core::Inbox::kInItsPlace);
  EXPECT_FALSE(inbox->flush().value());
  EXPECT_THAT(given(), IsEmpty());
  EXPECT_THAT(after_kill().messages, IsEmpty());
}

TEST_F(CommitTest, held_messages_are_stored_up_to_the_one_that_is_asked_for) {
  hold("one", QoS::kAtLeastOnce);
  const core::InboxId second = hold("two", QoS::kAtLeastOnce);
  hold("three", QoS::kAtLeastOnce);
  EXPECT_EQ(inbox->store_held(second), 2U);
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1, 2));
  EXPECT_THAT(after_kill().messages, ElementsAre("one", "two"));
  EXPECT_EQ(inbox->store_held(second), 0U);
}

TEST_F(CommitTest, held_message_of_a_lost_session_is_stored_without_its_identifier) {
  hold("lost", QoS::kExactlyOnce, 1);
  ASSERT_TRUE(packets().clear({}).ok());
  inbox->store_held(inbox->last_id());
  hold("new", QoS::kExactlyOnce, 1);
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(after_kill().messages, ElementsAre("lost"));
  EXPECT_THAT(after_kill().packets, IsEmpty()) << "the broker sends the new one again";
  inbox->store_held(inbox->last_id());
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(after_kill().messages, ElementsAre("lost", "new"));
  EXPECT_THAT(after_kill().packets, ElementsAre(1));
}

TEST_F(CommitTest, message_that_is_settled_while_it_is_being_stored_leaves_no_row) {
  hold("one", QoS::kAtLeastOnce);
  inbox->store_held(inbox->last_id());
  settle_next();
  EXPECT_THAT(given(), ElementsAre(1));
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1)) << "once";
  EXPECT_THAT(after_kill().messages, IsEmpty());
}

TEST_F(CommitTest, full_inbox_holds_what_it_should_store) {
  options.limits.max_messages = 2;
  inbox.reset();
  inbox = SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log)).value();
  for (const char* text : {"one", "two", "three"}) append(text, QoS::kAtLeastOnce);
  ASSERT_TRUE(committed());
  EXPECT_THAT(given(), ElementsAre(1, 2)) << "the broker keeps the third";
  EXPECT_TRUE(inbox->full());
  EXPECT_EQ(inbox->store_held(inbox->last_id()), 0U);
  settle_next();
  EXPECT_EQ(inbox->store_held(inbox->last_id()), 1U);
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(given(), ElementsAre(1, 2, 3));
}

TEST_F(CommitTest, held_messages_that_take_too_much_memory_are_stored) {
  options.cache_bytes = 1000;
  inbox.reset();
  inbox = SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log)).value();
  hold(std::string(500, 'x'), QoS::kAtLeastOnce);
  hold(std::string(500, 'y'), QoS::kAtLeastOnce);
  ASSERT_TRUE(committed());
  EXPECT_THAT(given(), ElementsAre(1)) << "the oldest first: the others wait for it";
  hold(std::string(2000, 'z'), QoS::kAtLeastOnce);
  ASSERT_TRUE(committed());
  EXPECT_THAT(given(), ElementsAre(1, 2, 3)) << "too large to be held at all";
}

TEST_F(CommitTest, inbox_that_holds_messages_only_leaves_no_file) {
  bool empty = false;
  inbox.reset();
  inbox = SqliteInbox::open(folder.file("inbox.db"), options, base::Log(log), [&](bool is_empty) {
            empty = is_empty;
          }).value();
  hold("one", QoS::kAtLeastOnce);
  inbox->close();
  EXPECT_TRUE(empty);
  EXPECT_THAT(given(), IsEmpty()) << "the broker has it";
}

TEST_F(CommitTest, what_a_full_disk_did_not_take_is_stored_when_it_does) {
  int told = 0;
  inbox->watch([&] { ++told; });
  append("before", QoS::kExactlyOnce, 1);
  ASSERT_TRUE(committed());
  disk.fill_after(0);
  append("kept", QoS::kExactlyOnce, 2);
  append("kept too", QoS::kAtLeastOnce);
  EXPECT_FALSE(committed());
  ASSERT_TRUE(packets().remove(1, receipt()).ok());
  inbox->session().subscribed(0, core::TopicFilter::parse("a").value());
  EXPECT_FALSE(inbox->flush().ok());
  EXPECT_GE(told, 1);
  EXPECT_THAT(given(), ElementsAre(1));
  EXPECT_THAT(packets().ids(), ElementsAre(2)) << "served from memory";
  EXPECT_THAT(after_kill().packets, ElementsAre(1));
  disk.empty();
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(after_kill().packets, ElementsAre(2));
  EXPECT_THAT(after_kill().messages, ElementsAre("before", "kept", "kept too"));
  EXPECT_THAT(given(), ::testing::UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(inbox->session().subscriptions(), SizeIs(1));
}

}  // namespace
}  // namespace dapr_mqtt::storage
