// Due times and expiry over restarts, while the wall clock jumps and the machine boots.
#include <gtest/gtest.h>

#include "storage/file_clock.h"
#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

using base::WallTime;
using core::InboxId;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kDay = hours(24);
constexpr auto kStrict = core::Inbox::Order::kStrict;
/// A time in 2027.
constexpr WallTime kRight{hours(500'000)};
constexpr WallTime k1970{seconds(5)};

/// A machine whose wall clock can be set.
class Machine {
 public:
  explicit Machine(WallTime wall) : wall_(wall) { start_process(); }

  void pass(milliseconds time) {
    wall_ += time;
    since_boot_ += time;
  }
  void set_wall(WallTime wall) { wall_ = wall; }
  void start_process() { began_ = wall_ - since_boot_; }
  /// A reboot, after which the wall clock shows `wall`.
  void boot(WallTime wall) {
    ++boot_;
    since_boot_ = seconds(10);
    wall_ = wall;
    start_process();
  }
  WallTime wall() const { return wall_; }
  base::ClockReading read() const { return {wall_, began_ + since_boot_, since_boot_, boot_}; }

 private:
  WallTime wall_;
  milliseconds since_boot_{hours(1)};
  WallTime began_{};
  std::uint64_t boot_ = 1;
};

class ClocksTest : public ::testing::Test {
 protected:
  void open() {
    SqliteInboxOptions options;
    options.cache_bytes = 0;
    options.longest_wait = seconds(5);
    options.clocks = [this] { return machine_.read(); };
    inbox_ = SqliteInbox::open(folder_.file("inbox.db"), options, base::Log(log_)).value();
  }
  void restart() {
    inbox_.reset();
    machine_.start_process();
    open();
  }
  void boot(WallTime wall) {
    inbox_.reset();
    machine_.boot(wall);
    open();
  }
  WallTime now() const { return machine_.read().steady; }
  void put(std::optional<seconds> expiry = {}) {
    core::IncomingMessage m;
    m.topic = "t";
    m.payload = "x";
    m.qos = core::QoS::kAtLeastOnce;
    m.received = machine_.wall();
    m.arrived = now();
    if (expiry) {
      auto properties = std::make_shared<core::MessageProperties>();
      properties->expiry = *expiry;
      m.properties = std::move(properties);
    }
    EXPECT_TRUE(inbox_->append("q", std::move(m), false).ok());
    EXPECT_TRUE(inbox_->commit().ok());
  }
  /// The app fails one message, which is due again in five seconds.
  void fail_one() {
    const auto entry = inbox_->take("q", now(), kReady);
    ASSERT_TRUE(entry);
    inbox_->release(entry->id, 1, now() + seconds(5));
    ASSERT_TRUE(inbox_->flush().ok());
  }
  milliseconds left_of_pause() const { return inbox_->next_due("q", kStrict).value() - now(); }
  /// For the only message, which is released again afterwards.
  milliseconds left_of_life() {
    const auto entry = inbox_->take("q", now(), kReady);
    EXPECT_TRUE(entry);
    if (!entry) return {};
    inbox_->release(entry->id, entry->failures, core::Inbox::kInItsPlace);
    return entry->message->expires_at().value() - now();
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  Machine machine_{kRight};
  std::unique_ptr<SqliteInbox> inbox_;
};

TEST_F(ClocksTest, retry_of_an_earlier_process_is_due_when_it_was_whatever_the_clock_is_set_to) {
  for (const WallTime wrong : {kRight - kDay, kRight + kDay, k1970}) {
    machine_.set_wall(kRight);
    open();
    put();
    fail_one();
    machine_.pass(seconds(1));
    machine_.set_wall(wrong);
    restart();
    EXPECT_EQ(left_of_pause(), seconds(4));
    inbox_->discard("q");
    inbox_.reset();
  }
}

TEST_F(ClocksTest, retry_waits_no_longer_than_its_pause_after_a_boot_with_any_clock) {
  for (const WallTime before : {kRight, k1970}) {
    for (const WallTime after : {kRight - 400 * kDay, kRight + kDay, k1970, kRight}) {
      machine_.set_wall(before);
      open();
      put();
      fail_one();
      boot(after);
      EXPECT_LE(left_of_pause(), seconds(5));
      inbox_->discard("q");
      inbox_.reset();
    }
  }
}

TEST_F(ClocksTest,
       retry_of_a_file_from_a_machine_with_a_later_clock_waits_no_longer_than_its_pause) {
  open();
  put();
  const auto entry = inbox_->take("q", now(), kReady);
  inbox_->release(entry->id, 1, now() + 30 * kDay);  // as older versions wrote with such a clock
  restart();
  EXPECT_EQ(left_of_pause(), seconds(5));
}

TEST_F(ClocksTest, age_of_a_message_is_exact_over_restarts_in_one_boot) {
  for (const WallTime wrong : {kRight - kDay, kRight + 9 * kDay, k1970}) {
    machine_.set_wall(wrong);
    restart();
    put(minutes(10));
    machine_.pass(minutes(1));
    machine_.set_wall(kRight);
    EXPECT_EQ(left_of_life(), minutes(9));
    restart();
    machine_.pass(minutes(1));
    EXPECT_EQ(left_of_life(), minutes(8)) << wrong.time_since_epoch().count();
    put();  // any write
    restart();
    EXPECT_EQ(left_of_life(), minutes(8));
    inbox_->discard("q");
  }
}

TEST_F(ClocksTest, time_switched_off_counts_when_the_clock_is_right) {
  open();
  put(minutes(10));
  machine_.pass(minutes(1));
  boot(machine_.wall() + minutes(5));
  EXPECT_EQ(left_of_life(), minutes(4));
}

TEST_F(ClocksTest, time_switched_off_does_not_count_when_nobody_knows_it) {
  // A clock that goes back, one that is not set yet, and one that was not set before.
  struct {
    WallTime before;
    WallTime after;
  } const cases[] = {{kRight, kRight - kDay}, {kRight, k1970}, {k1970, kRight}, {k1970, k1970}};
  for (const auto& [before, after] : cases) {
    machine_.set_wall(before);
    restart();
    put(minutes(10));
    boot(after);
    EXPECT_EQ(left_of_life(), minutes(10));
    inbox_->discard("q");
  }
}

TEST_F(ClocksTest, clock_that_was_set_before_the_machine_was_switched_off_is_believed_again) {
  machine_.set_wall(k1970);
  restart();
  put(minutes(10));
  machine_.set_wall(kRight);
  put();  // any write
  boot(machine_.wall() + minutes(5));
  EXPECT_EQ(left_of_life(), minutes(5));
}

TEST_F(ClocksTest, wall_time_of_arrival_stays_what_it_was) {
  machine_.set_wall(k1970);
  restart();
  put(minutes(10));
  machine_.set_wall(kRight);
  restart();
  EXPECT_EQ(inbox_->take("q", now(), kReady)->message->received, k1970);
}

TEST(FileTime, container_whose_time_since_boot_differs_goes_by_the_wall_clock) {
  const ClockNote note{.boot = 7,
                       .ahead_of_boot = kRight.time_since_epoch() - hours(1),
                       .wall_ahead = {},
                       .last = kRight};
  EXPECT_EQ(file_time(note, {kRight + minutes(1), kRight, minutes(2), 7}), kRight + minutes(1));
}

}  // namespace
}  // namespace dapr_mqtt::storage
