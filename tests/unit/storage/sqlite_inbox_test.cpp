// Promises of a durable inbox beyond tests/contract: its state after a restart.
#include "storage/sqlite_inbox.h"

#include <gmock/gmock.h>

#include <fstream>

#include "support/captured_log.h"
#include "support/full_disk.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using core::Inbox;
using core::InboxId;
using core::QoS;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

core::IncomingMessage message(std::string payload, QoS qos = QoS::kAtLeastOnce) {
  core::IncomingMessage m;
  m.topic = "t/1";
  m.payload = std::move(payload);
  m.qos = qos;
  return m;
}

class SqliteInboxTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteInbox> open() {
    auto inbox = SqliteInbox::open(path_, options_, base::Log(log_));
    EXPECT_TRUE(inbox.ok()) << inbox.status().message();
    return std::move(inbox).value();
  }
  /// Another inbox that finds on disk what a kill at this moment would leave.
  std::unique_ptr<SqliteInbox> open_after_kill() {
    const std::string copy = folder_.file("copy" + std::to_string(++copies_) + ".db");
    fs::copy_file(path_, copy);
    fs::copy_file(path_ + "-wal", copy + "-wal");
    return SqliteInbox::open(copy, options_, base::Log(log_)).value();
  }
  static InboxId put(Inbox& inbox, std::string payload, QoS qos = QoS::kAtLeastOnce) {
    const InboxId id = inbox.append("q", message(std::move(payload), qos), false).value().id;
    EXPECT_TRUE(inbox.commit().ok());
    return id;
  }
  /// A sparse file of this size is too large to be checked completely at start.
  static constexpr std::uintmax_t kLarge = 65U << 20U;

  void damage(int first_page, int end) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = first_page; page < end; ++page) {
      file.seekp(page * 4096);
      file << std::string(4096, '\xee');
    }
  }
  void leave_a_damaged_file(int first_page) {
    auto inbox = open();
    for (int i = 0; i < 2000; ++i) put(*inbox, std::string(1000, 'x'));
    inbox.reset();
    damage(first_page, 100);
  }
  /// How many databases were set aside.
  int set_aside() const {
    int count = 0;
    for (const auto& file : fs::directory_iterator(folder_.path())) {
      const std::string name = file.path().filename();
      count += name.starts_with("inbox.db.corrupt-") && !name.ends_with("-wal") ? 1 : 0;
    }
    return count;
  }
  static std::vector<std::string> take_all(Inbox& inbox, base::WallTime now = kNow) {
    std::vector<std::string> payloads;
    while (auto entry = inbox.take("q", now, kReady)) payloads.push_back(entry->message->payload);
    return payloads;
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  const std::string path_ = folder_.file("inbox.db");
  SqliteInboxOptions options_;
  int copies_ = 0;
};

TEST_F(SqliteInboxTest, what_was_appended_is_on_disk_when_commit_returns) {
  const auto inbox = open();
  put(*inbox, "one");
  for (const char* payload : {"two", "three"}) {
    ASSERT_TRUE(inbox->append("q", message(payload), false).ok());
  }
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("one"));
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("one", "two", "three"));
}

TEST_F(SqliteInboxTest, commit_leaves_alone_what_was_handled_before_it) {
  const auto inbox = open();
  for (const char* payload : {"handled", "waits"}) {
    ASSERT_TRUE(inbox->append("q", message(payload), false).ok());
  }
  const auto first = inbox->take("q", kNow, kReady);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->message->payload, "handled") << "delivered before it is safe";
  inbox->settle(first->id);
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("waits"));
}

TEST_F(SqliteInboxTest, settled_message_is_gone_after_a_flush_and_may_come_again_before) {
  const auto inbox = open();
  const InboxId id = put(*inbox, "one");
  ASSERT_TRUE(inbox->take("q", kNow, kReady));
  inbox->settle(id);
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("one"));
  ASSERT_FALSE(inbox->flush().value());
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre());
}

TEST_F(SqliteInboxTest, settled_messages_are_written_with_the_next_commit) {
  const auto inbox = open();
  const InboxId id = put(*inbox, "one");
  ASSERT_TRUE(inbox->take("q", kNow, kReady));
  inbox->settle(id);
  put(*inbox, "two");
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("two"));
}

TEST_F(SqliteInboxTest, restart_finds_taken_messages_waiting_in_order_with_failures_and_due_times) {
  auto inbox = open();
  for (const char* payload : {"one", "two", "three"}) put(*inbox, payload);
  const auto first = inbox->take("q", kNow, kReady);
  ASSERT_TRUE(inbox->take("q", kNow, kReady));
  inbox->release(first->id, 3, kNow + seconds(5));
  inbox.reset();
  inbox = open();
  EXPECT_THAT(take_all(*inbox), ElementsAre("two", "three"));
  EXPECT_EQ(inbox->next_due("q", kReady), kNow + seconds(5));
  const auto again = inbox->take("q", kNow + seconds(5), kReady);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->failures, 3U);
  EXPECT_EQ(again->message->payload, "one");
}

TEST_F(SqliteInboxTest, restart_finds_usage_unclaimed_messages_and_claims) {
  auto inbox = open();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(inbox->append(Inbox::kUnclaimed, message("u"), false).ok());
  }
  const core::InboxUsage before = inbox->usage();
  const auto oldest = inbox->oldest_received();
  inbox.reset();
  inbox = open();
  EXPECT_TRUE(oldest);
  EXPECT_EQ(inbox->oldest_received(), oldest);
  EXPECT_EQ(inbox->usage().messages, before.messages);
  EXPECT_EQ(inbox->usage().bytes, before.bytes);
  EXPECT_EQ(inbox->claim(core::TopicFilter::parse("t/+").value()), 2U);
  inbox.reset();
  inbox = open();
  EXPECT_EQ(inbox->claim(core::TopicFilter::parse("t/+").value()), 0U);
  EXPECT_TRUE(inbox->take("t/+", kNow, kReady));
}

TEST_F(SqliteInboxTest, ids_are_never_used_twice_over_restarts) {
  InboxId last = 0;
  for (int start = 0; start < 3; ++start) {
    const auto inbox = open();
    const InboxId id = put(*inbox, "x");
    EXPECT_GT(id, last);
    last = id;
    ASSERT_TRUE(inbox->take("q", kNow, kReady));
    inbox->settle(id);
  }
}

TEST_F(SqliteInboxTest, qos0_message_that_is_settled_at_once_never_reaches_the_disk) {
  const auto inbox = open();
  const InboxId id = put(*inbox, "zero", QoS::kAtMostOnce);
  put(*inbox, "zero, written with the next", QoS::kAtMostOnce);
  ASSERT_TRUE(inbox->take("q", kNow, kReady));
  inbox->settle(id);
  put(*inbox, "one");
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("zero, written with the next", "one"));
}

TEST_F(SqliteInboxTest, qos0_messages_in_memory_only_are_bounded) {
  const auto inbox = open();
  for (int i = 0; i < 2000; ++i) put(*inbox, "zero", QoS::kAtMostOnce);
  EXPECT_GE(take_all(*open_after_kill()).size(), 1400U);
}

TEST_F(SqliteInboxTest, owner_is_told_once_until_all_is_flushed) {
  const auto inbox = open();
  int told = 0;
  inbox->watch([&] { ++told; });
  for (int i = 0; i < 700; ++i) put(*inbox, "x");
  EXPECT_EQ(told, 0) << "nothing is left to be written";
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 300; ++i) inbox->settle(inbox->take("q", kNow, kReady)->id);
    EXPECT_EQ(told, round);
    EXPECT_FALSE(inbox->flush().value());
  }
}

TEST_F(SqliteInboxTest, flush_writes_a_bounded_number_at_a_time) {
  const auto inbox = open();
  for (int i = 0; i < 1200; ++i) put(*inbox, "x");
  while (auto entry = inbox->take("q", kNow, kReady)) inbox->settle(entry->id);
  EXPECT_TRUE(inbox->flush().value());
  EXPECT_TRUE(inbox->flush().value());
  EXPECT_FALSE(inbox->flush().value());
  EXPECT_EQ(take_all(*open_after_kill()).size(), 0U);
}

TEST_F(SqliteInboxTest, properties_survive) {
  auto inbox = open();
  core::IncomingMessage m = message("one");
  core::MessageProperties properties;
  properties.user_properties = {{"name", "value"}};
  m.properties = std::make_shared<const core::MessageProperties>(properties);
  ASSERT_TRUE(inbox->append("q", m, false).ok());
  inbox.reset();
  inbox = open();
  const auto entry = inbox->take("q", kNow, kReady);
  ASSERT_TRUE(entry && entry->message->properties);
  EXPECT_EQ(entry->message->properties->user_properties, properties.user_properties);
}

TEST_F(SqliteInboxTest, bytes_of_a_message_with_properties_stay_the_same) {
  auto inbox = open();
  core::IncomingMessage m = message("one");
  core::MessageProperties properties;
  properties.content_type = "text/plain";
  properties.expiry = std::chrono::seconds(60);
  properties.user_properties = {{"name", "value"}, {"", ""}, {"long", std::string(100, 'x')}};
  m.properties = std::make_shared<const core::MessageProperties>(properties);
  ASSERT_TRUE(inbox->append("q", m, false).ok());
  EXPECT_EQ(inbox->usage().bytes, m.footprint());
  inbox.reset();
  inbox = open();
  EXPECT_EQ(inbox->usage().bytes, m.footprint());
  const auto entry = inbox->take("q", kNow, kReady);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->message->footprint(), m.footprint());
}

TEST_F(SqliteInboxTest, size_of_a_message_that_was_not_received_whole_survives) {
  auto inbox = open();
  core::IncomingMessage m = message("begins");
  m.full_size = 5'000'000;
  ASSERT_TRUE(inbox->append("q", m, false).ok());
  put(*inbox, "whole");
  inbox.reset();
  inbox = open();
  EXPECT_EQ(inbox->take("q", kNow, kReady)->message->full_size, 5'000'000U);
  EXPECT_EQ(inbox->take("q", kNow, kReady)->message->full_size, 0U);
}

TEST_F(SqliteInboxTest, closed_says_whether_it_is_empty_and_close_is_idempotent) {
  std::vector<bool> empty;
  for (const bool settle : {false, true}) {
    auto inbox = SqliteInbox::open(path_, options_, base::Log(log_), [&](bool e) {
                   empty.push_back(e);
                 }).value();
    if (!settle) put(*inbox, "x");
    if (settle) inbox->settle(inbox->take("q", kNow, kReady)->id);
    inbox->close();
    inbox->close();
  }
  EXPECT_THAT(empty, ElementsAre(false, true));
}

TEST_F(SqliteInboxTest, file_that_is_no_database_is_set_aside_and_a_new_one_begun) {
  std::ofstream(path_) << std::string(10'000, 'x');
  const auto inbox = open();
  EXPECT_NE(put(*inbox, "one"), 0U);
  EXPECT_TRUE(log_.contains("ERROR : the inbox is damaged")) << log_.text();
  int aside = 0;
  for (const auto& file : fs::directory_iterator(folder_.path())) {
    const std::string name = file.path().filename();
    if (!name.starts_with("inbox.db.corrupt-")) continue;
    ++aside;
    EXPECT_TRUE(log_.contains(name));
    EXPECT_EQ(fs::file_size(file.path()), 10'000U) << "kept as it was";
  }
  EXPECT_EQ(aside, 1);
}

TEST_F(SqliteInboxTest, damaged_pages_are_found_at_start_and_set_aside) {
  leave_a_damaged_file(3);
  const auto inbox = open();
  EXPECT_EQ(inbox->usage().messages, 0U);
  EXPECT_TRUE(log_.contains("damaged")) << log_.text();
}

TEST_F(SqliteInboxTest, damaged_pages_of_a_file_that_is_too_large_to_be_read_through_too) {
  leave_a_damaged_file(3);
  fs::resize_file(path_, kLarge);
  for (int i = 0; i < 2; ++i) {
    const auto inbox = open();
    EXPECT_EQ(inbox->usage().messages, static_cast<std::size_t>(i)) << log_.text();
    put(*inbox, "new");
  }
  EXPECT_EQ(set_aside(), 1) << log_.text();
}

TEST_F(SqliteInboxTest, large_file_that_is_no_database_is_set_aside) {
  std::ofstream(path_) << std::string(10'000, 'x');
  fs::resize_file(path_, kLarge);
  EXPECT_NE(put(*open(), "one"), 0U);
  EXPECT_EQ(set_aside(), 1) << log_.text();
}

TEST_F(SqliteInboxTest, damage_of_a_large_file_that_shows_in_use_is_set_aside_at_the_next_start) {
  // After the rows' heads: pages that hold only the second half of a payload.
  put(*open(), std::string(1'000'000, 'x'));
  damage(200, 240);
  fs::resize_file(path_, kLarge);
  bool empty = true;
  {
    SqliteInboxOptions small = options_;
    small.cache_bytes = 0;
    const auto inbox =
        SqliteInbox::open(path_, small, base::Log(log_), [&](bool e) { empty = e; }).value();
    EXPECT_EQ(inbox->usage().messages, 1U);
    EXPECT_EQ(take_all(*inbox).size(), 0U);
    EXPECT_TRUE(log_.contains("cannot read from the inbox")) << log_.text();
  }
  EXPECT_FALSE(empty)
      << "otherwise the file would be removed, with what could be recovered from it";
  EXPECT_EQ(set_aside(), 0);
  EXPECT_NE(put(*open(), "one"), 0U);
  EXPECT_EQ(set_aside(), 1) << log_.text();
  EXPECT_EQ(open()->usage().messages, 1U);
}

TEST_F(SqliteInboxTest, damaged_message_does_not_hold_up_those_behind_it_in_strict_order) {
  {
    const auto inbox = open();
    put(*inbox, std::string(1'000'000, 'x'));
    put(*inbox, "behind it");
  }
  damage(100, 140);  // of the payload's pages
  fs::resize_file(path_, kLarge);
  options_.cache_bytes = 0;
  const auto inbox = open();
  const auto entry = inbox->take("q", kNow, Inbox::Order::kStrict);
  ASSERT_TRUE(entry) << log_.text();
  EXPECT_EQ(entry->message->payload, "behind it");
  EXPECT_TRUE(log_.contains("is damaged and cannot be delivered")) << log_.text();
  EXPECT_EQ(inbox->usage().messages, 1U);
}

TEST_F(SqliteInboxTest, file_of_a_newer_version_is_refused_and_left_alone) {
  open().reset();
  {
    bool corrupt = false;
    auto database = sqlite::Database::open(path_, {}, &corrupt).value();
    ASSERT_TRUE(database->execute("PRAGMA user_version=99").ok());
  }
  const auto refused = SqliteInbox::open(path_, options_, base::Log(log_));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("newer version (schema 99"));
}

TEST_F(SqliteInboxTest, file_is_readable_by_its_owner_alone) {
  const auto inbox = open();
  put(*inbox, "x");
  for (const char* suffix : {"", "-wal"}) {
    EXPECT_EQ(fs::status(path_ + suffix).permissions(),
              fs::perms::owner_read | fs::perms::owner_write)
        << suffix;
  }
}

TEST_F(SqliteInboxTest, backlog_takes_little_memory_whatever_its_size) {
  options_.cache_bytes = 100'000;
  const auto inbox = open();
  for (int i = 0; i < 3000; ++i) put(*inbox, std::string(1000, 'x'));
  EXPECT_EQ(take_all(*inbox).size(), 3000U) << "read back from disk";
}

TEST_F(SqliteInboxTest, says_what_is_on_disk_instead_of_reading_it_where_that_is_asked_for) {
  {
    const auto inbox = open();
    put(*inbox, "stored");
  }
  const auto inbox = open();
  put(*inbox, "in memory");
  const auto taken = inbox->take_from_memory("q", kNow, Inbox::Order::kReady);
  EXPECT_TRUE(taken.on_disk);
  EXPECT_FALSE(taken.entry);
  EXPECT_EQ(inbox->take("q", kNow, Inbox::Order::kReady)->message->payload, "stored");
  const auto next = inbox->take_from_memory("q", kNow, Inbox::Order::kReady);
  EXPECT_FALSE(next.on_disk);
  ASSERT_TRUE(next.entry);
  EXPECT_EQ(next.entry->message->payload, "in memory");
}

TEST_F(SqliteInboxTest, keys_that_are_to_be_read_are_on_disk_too) {
  {
    const auto inbox = open();
    put(*inbox, "stored");
  }
  const auto inbox = open();
  put(*inbox, "in memory");
  inbox->order_by("q", core::OrderKey{});
  EXPECT_TRUE(inbox->take_from_memory("q", kNow, Inbox::Order::kByKey).on_disk);
  EXPECT_EQ(inbox->take("q", kNow, Inbox::Order::kByKey)->message->payload, "stored");
}

TEST_F(SqliteInboxTest, messages_stay_in_memory_while_the_disk_does_not_take_them) {
  const auto inbox = open();
  put(*inbox, "before");
  {
    const testing::FullDisk full(fs::file_size(path_ + "-wal"));
    ASSERT_TRUE(inbox->append("q", message("one"), false).ok());
    ASSERT_TRUE(inbox->append("q", message("two", QoS::kExactlyOnce), false).ok());
    ASSERT_TRUE(inbox->append("q", message("zero", QoS::kAtMostOnce), false).ok());
    const base::Status committed = inbox->commit();
    EXPECT_FALSE(committed.ok());
    EXPECT_THAT(committed.message(), HasSubstr("inbox.db"));
    EXPECT_FALSE(inbox->commit().ok()) << "the disk has not been tried since";
    EXPECT_EQ(inbox->usage().messages, 4U);
  }
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_TRUE(inbox->commit().ok());
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("before", "one", "two", "zero"));
}

TEST_F(SqliteInboxTest, message_that_was_taken_before_the_disk_failed_is_handled_and_stored_later) {
  const auto inbox = open();
  int told = 0;
  inbox->watch([&] { ++told; });
  put(*inbox, "before");
  {
    const testing::FullDisk full(fs::file_size(path_ + "-wal"));
    EXPECT_EQ(inbox->take("q", kNow, kReady)->message->payload, "before");
    std::vector<InboxId> taken;
    for (const char* payload : {"handled meanwhile", "kept", "failed once"}) {
      ASSERT_TRUE(inbox->append("q", message(payload), false).ok());
      taken.push_back(inbox->take("q", kNow, kReady)->id);
    }
    inbox->release(taken[2], 1, kNow);
    EXPECT_FALSE(inbox->commit().ok());
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(inbox->flush().ok());
    inbox->settle(taken[0]);
    EXPECT_FALSE(inbox->flush().ok());
  }
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("before")) << "not on disk yet";
  ASSERT_TRUE(inbox->flush().ok());
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("failed once", "before", "kept"));
  put(*inbox, "after");
  EXPECT_THAT(take_all(*open_after_kill()), ElementsAre("failed once", "before", "kept", "after"));
}

TEST_F(SqliteInboxTest, disk_is_tried_again_although_all_that_failed_is_settled) {
  const auto inbox = open();
  put(*inbox, "before");
  {
    const testing::FullDisk full(fs::file_size(path_ + "-wal"));
    ASSERT_TRUE(inbox->append("other", message("x"), false).ok());
    const auto entry = inbox->take("other", kNow, kReady);
    ASSERT_FALSE(inbox->commit().ok());
    inbox->settle(entry->id);
    EXPECT_FALSE(inbox->flush().ok());
  }
  EXPECT_FALSE(inbox->flush().value());
  put(*inbox, "after");
}

TEST_F(SqliteInboxTest, messages_that_could_not_be_stored_before_the_end_are_told_of) {
  const auto inbox = open();
  put(*inbox, "before");
  const testing::FullDisk full(fs::file_size(path_ + "-wal"));
  ASSERT_TRUE(inbox->append("q", message("x", QoS::kExactlyOnce), false).ok());
  ASSERT_FALSE(inbox->commit().ok());
  inbox->close();
  EXPECT_TRUE(log_.contains("WARN : 1 message(s) in memory could not be stored before the end"));
}

}  // namespace
}  // namespace dapr_mqtt::storage
