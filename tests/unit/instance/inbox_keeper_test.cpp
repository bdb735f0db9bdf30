#include "instance/inbox_keeper.h"

#include <gmock/gmock.h>

#include <deque>

#include "dapr_mqtt/storage/memory_inbox.h"
#include "support/captured_log.h"
#include "support/fake_session.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// An inbox whose answers to flush() the test sets.
class FakeDurable final : public core::DurableInbox {
 public:
  base::Result<core::AppendOutcome> append(std::string_view, core::IncomingMessage, bool,
                                           core::Keep) override {
    return core::AppendOutcome{};
  }
  core::InboxId last_id() const override { return 0; }
  core::HeldMessages held() const override { return {}; }
  bool overfull() const override { return false; }
  void order_by(std::string_view, const std::optional<core::OrderKey>&) override {}
  std::optional<core::InboxEntry> take(std::string_view, base::WallTime, Order) override {
    return std::nullopt;
  }
  std::optional<base::WallTime> next_due(std::string_view, Order) const override {
    return std::nullopt;
  }
  void settle(core::InboxId) override {}
  void release(core::InboxId, std::uint32_t, base::WallTime) override {}
  std::size_t claim(const core::TopicFilter&) override { return 0; }
  std::size_t discard(std::string_view) override { return 0; }
  std::size_t abandon(std::string_view) override { return 0; }
  std::vector<std::string> queues() const override { return {}; }
  core::InboxUsage usage() const override { return {}; }
  bool full() const override { return false; }
  bool half_empty() const override { return true; }
  void watch(std::function<void()> told) override { unwritten = std::move(told); }
  base::Result<bool> flush() override {
    ++flushes;
    if (disk_fails) return base::unavailable("disk full");
    return flushes < last_flush;
  }
  void close() override {}
  core::SessionStore& session() override { return session_; }

  std::function<void()> unwritten;
  int flushes = 0;
  int last_flush = 0;  ///< the first that leaves nothing
  bool disk_fails = false;

 private:
  dapr_mqtt::testing::FakeSession session_;
};

struct InboxKeeperTest : ::testing::Test {
  dapr_mqtt::testing::ManualExecutor executor;
  dapr_mqtt::testing::CapturedLog log;
  FakeDurable inbox;
  std::vector<std::string> told;
  std::unique_ptr<InboxKeeper> keeper = std::make_unique<InboxKeeper>(
      inbox, executor, base::Log(log),
      InboxKeeper::Hooks{[this](const base::Status& s) { told.push_back("fails: " + s.message()); },
                         [this] { told.push_back("works"); }});
};

TEST_F(InboxKeeperTest, writes_soon_after_something_is_left_and_until_nothing_is) {
  inbox.last_flush = 3;
  inbox.unwritten();
  executor.advance(milliseconds(19));
  EXPECT_EQ(inbox.flushes, 0);
  executor.advance(milliseconds(1));
  EXPECT_EQ(inbox.flushes, 3);
  executor.advance(seconds(60));
  EXPECT_EQ(inbox.flushes, 3);
  EXPECT_TRUE(told.empty());
}

TEST_F(InboxKeeperTest, says_at_once_that_the_disk_fails_and_that_it_works_when_all_is_stored) {
  inbox.disk_fails = true;
  inbox.unwritten();
  keeper->disk_failed(base::unavailable("disk full"));
  executor.advance(milliseconds(0));
  EXPECT_THAT(told, ::testing::ElementsAre("fails: disk full")) << "before any flush";
  keeper->disk_failed(base::unavailable("disk full"));
  executor.advance(seconds(60));
  EXPECT_EQ(told.size(), 1U) << "once";
  EXPECT_GT(inbox.flushes, 5);
  inbox.disk_fails = false;
  inbox.last_flush = inbox.flushes + 2;
  executor.advance(seconds(10));
  EXPECT_THAT(told, ::testing::ElementsAre("fails: disk full", "works"));
  EXPECT_EQ(inbox.flushes, inbox.last_flush);
  EXPECT_TRUE(log.contains("stays at the broker")) << log.text();
  EXPECT_TRUE(log.contains("the inbox can be written again")) << log.text();
}

TEST_F(InboxKeeperTest, goes_on_by_itself_though_nothing_waits_to_be_written) {
  keeper->disk_failed(base::unavailable("disk full"));
  executor.advance(milliseconds(0));
  EXPECT_THAT(told, ::testing::ElementsAre("fails: disk full"));
  executor.advance(seconds(1));
  EXPECT_THAT(told, ::testing::ElementsAre("fails: disk full", "works"));
  EXPECT_EQ(inbox.flushes, 1);
}

TEST_F(InboxKeeperTest, does_nothing_once_it_has_gone) {
  inbox.unwritten();
  keeper.reset();
  inbox.unwritten();
  executor.advance(seconds(1));
  EXPECT_EQ(inbox.flushes, 0);
}

}  // namespace
}  // namespace dapr_mqtt::instance
