// The inbox of clean sessions when its memory is full.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "dapr_mqtt/storage/memory_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPayload = 10'000;

class SpillTest : public ::testing::Test {
 protected:
  static core::AppendOutcome put(core::Inbox& inbox, int number) {
    core::IncomingMessage message;
    message.topic = "t";
    message.payload = std::to_string(number) + std::string(kPayload, 'x');
    message.qos = core::QoS::kAtLeastOnce;
    return inbox.append("q", std::move(message), true).value();
  }
  /// Takes the next message and returns its number; -1: none.
  static int take(core::Inbox& inbox) {
    const auto entry = inbox.take("q", kNow, core::Inbox::Order::kReady);
    if (!entry) return -1;
    inbox.settle(entry->id);
    return std::stoi(entry->message->payload);
  }
  /// How many files of the spill folder this process has open.
  std::size_t open_files() const {
    std::size_t count = 0;
    for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      const std::string target = fs::read_symlink(fd, ignored).string();
      if (target.starts_with(options_.folder)) ++count;
    }
    return count;
  }

  testing::ScratchFolder scratch_;
  testing::CapturedLog log_;
  core::InboxLimits limits_{1000, std::size_t{1} << 30U};
  SpillOptions options_{.memory_bytes = 5 * kPayload + 5'000,
                        .memory_bytes_without_disk = 8 * kPayload + 5'000,
                        .folder = scratch_.file("state/spill")};
};

TEST_F(SpillTest, keeps_order_over_memory_and_file) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  for (int i = 0; i < 100; ++i) ASSERT_NE(put(inbox, i).id, 0U);
  EXPECT_GE(open_files(), 1U);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(take(inbox), i);
  EXPECT_EQ(take(inbox), -1);
}

TEST_F(SpillTest, says_what_is_on_disk_instead_of_reading_it_where_that_is_asked_for) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  EXPECT_FALSE(inbox.settling_may_block());
  for (int i = 0; i < 100; ++i) put(inbox, i);
  int from_memory = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(inbox.settling_may_block());
    auto taken = inbox.take_from_memory("q", kNow, core::Inbox::Order::kReady);
    EXPECT_NE(taken.entry.has_value(), taken.on_disk);
    if (!taken.entry) {
      ASSERT_EQ(take(inbox), i);
      continue;
    }
    ++from_memory;
    EXPECT_EQ(std::stoi(taken.entry->message->payload), i);
    inbox.settle(taken.entry->id);
  }
  EXPECT_GE(from_memory, 5);
  EXPECT_LT(from_memory, 50);
  EXPECT_FALSE(inbox.settling_may_block());
  const auto none = inbox.take_from_memory("q", kNow, core::Inbox::Order::kReady);
  EXPECT_FALSE(none.entry);
  EXPECT_FALSE(none.on_disk);
}

TEST_F(SpillTest, asking_for_what_is_in_memory_takes_no_turn_from_what_is_on_disk) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  for (int i = 0; i < 6; ++i) put(inbox, i);
  std::vector<core::InboxId> taken;
  while (const auto entry = inbox.take("q", kNow, core::Inbox::Order::kReady)) {
    taken.push_back(entry->id);
  }
  for (std::size_t i = 0; i < 5; ++i) inbox.settle(taken.at(i));
  inbox.release(taken.back(), 1, kNow);  // the one on disk is due again
  for (int i = 6; i < 9; ++i) put(inbox, i);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(inbox.take_from_memory("q", kNow, core::Inbox::Order::kReady).on_disk);
  }
  EXPECT_EQ(take(inbox), 5);
  EXPECT_EQ(take(inbox), 6);
}

TEST_F(SpillTest, leaves_nothing_in_the_folder_and_gives_the_file_back) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) put(inbox, i);
    EXPECT_TRUE(fs::is_empty(options_.folder)) << "after a kill a file would stay";
    EXPECT_EQ(fs::status(options_.folder).permissions(), fs::perms::owner_all);
    while (take(inbox) >= 0) {
    }
    EXPECT_EQ(open_files(), 0U);
  }
}

TEST_F(SpillTest, needs_no_disk_while_memory_is_enough) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  for (int i = 0; i < 5; ++i) put(inbox, i);
  EXPECT_FALSE(fs::exists(options_.folder));
}

TEST_F(SpillTest, drops_the_oldest_past_the_limits) {
  limits_.max_messages = 50;
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  std::size_t dropped = 0;
  for (int i = 0; i < 80; ++i) dropped += put(inbox, i).dropped;
  EXPECT_EQ(dropped, 30U);
  for (int i = 30; i < 80; ++i) ASSERT_EQ(take(inbox), i);
}

TEST_F(SpillTest, without_a_disk_takes_some_more_memory_and_then_drops_loudly) {
  options_.folder = "/dev/null/spill";
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  std::size_t dropped = 0;
  for (int i = 0; i < 20; ++i) dropped += put(inbox, i).dropped;
  EXPECT_EQ(dropped, 12U);
  EXPECT_TRUE(log_.contains("/dev/null"));
  EXPECT_TRUE(log_.contains("dropped"));
  for (int i = 0; i < 8; ++i) ASSERT_EQ(take(inbox), i);
  EXPECT_EQ(take(inbox), -1);
}

TEST_F(SpillTest, keeps_what_it_has_when_the_disk_is_full_and_goes_on_when_it_is_not) {
  MemoryInbox inbox(limits_, options_, base::Log(log_));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(put(inbox, i).dropped, 0U);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  const rlimit full{4096, unlimited.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  std::size_t dropped = 0;
  for (int i = 20; i < 40; ++i) dropped += put(inbox, i).dropped;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  EXPECT_EQ(dropped, 17U) << "three more fit into memory";
  ASSERT_EQ(put(inbox, 40).dropped, 0U);
  EXPECT_TRUE(log_.contains("waiting messages can be written to disk again"));
  for (int i = 0; i < 23; ++i) ASSERT_EQ(take(inbox), i);
  EXPECT_EQ(take(inbox), 40);
}

}  // namespace
}  // namespace dapr_mqtt::storage
