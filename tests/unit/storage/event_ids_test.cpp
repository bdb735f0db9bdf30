// Event IDs and times stay the same when the broker sends a message again to another process.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/event_id_records.h"
#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/full_disk.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using core::QoS;

constexpr std::uint64_t kBoot = 7;
constexpr base::WallTime kThen{std::chrono::hours(500'000)};
constexpr base::WallTime kLater = kThen + std::chrono::minutes(5);
constexpr std::size_t kSlot = 40;

core::IncomingMessage message(std::uint16_t id, bool duplicate, std::string payload = "21.5") {
  core::IncomingMessage m;
  m.topic = "devices/7/temperature";
  m.payload = std::move(payload);
  m.qos = QoS::kAtLeastOnce;
  m.packet.id = id;
  m.duplicate = duplicate;
  m.received = kLater;
  return m;
}

class EventIds : public ::testing::Test {
 protected:
  EventIds() { restart(); }

  /// The process is killed, and another one starts.
  void restart(std::uint64_t boot = kBoot) {
    records_ = std::make_unique<EventIdRecords>(path_, boot, base::Log(log_));
    records_->load();
  }
  core::IncomingMessage come(core::IncomingMessage m, bool makes_events = true) {
    records_->received(m, makes_events);
    return m;
  }
  /// A message that is sent for the first time.
  std::uint64_t first(std::uint16_t id, const std::string& payload = "21.5") {
    core::IncomingMessage m = message(id, false, payload);
    m.received = kThen;
    return come(std::move(m)).event_seed;
  }
  std::uint64_t again(std::uint16_t id, const std::string& payload = "21.5") {
    return come(message(id, true, payload)).event_seed;
  }
  void overwrite(std::size_t at, const std::string& bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }

  testing::ScratchFolder folder_;
  const std::string path_ = folder_.file("event-ids-0");
  testing::CapturedLog log_;
  std::unique_ptr<EventIdRecords> records_;
};

TEST_F(EventIds, message_that_comes_again_after_a_kill_has_its_seed_and_its_time) {
  const std::uint64_t one = first(1);
  const std::uint64_t two = first(2, "ON");
  EXPECT_NE(one, 0U);
  EXPECT_NE(two, 0U);
  EXPECT_NE(one, two);
  for (int kill = 0; kill < 3; ++kill) {
    restart();
    const core::IncomingMessage m = come(message(1, true));
    EXPECT_EQ(m.event_seed, one);
    EXPECT_EQ(m.received, kThen);
    EXPECT_EQ(again(2, "ON"), two);
  }
}

TEST_F(EventIds, message_that_comes_again_before_its_subscription_is_known_has_them_too) {
  const std::uint64_t one = first(1);
  restart();
  EXPECT_EQ(come(message(1, true), false).event_seed, one);
}

TEST_F(EventIds, message_without_events_is_not_recorded) {
  EXPECT_EQ(come(message(1, false), false).event_seed, 0U);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(EventIds, another_message_with_the_identifier_has_another_seed) {
  const auto differs = [&](const char* what, auto&& change) {
    const std::uint64_t before = first(1);
    restart();
    core::IncomingMessage other = message(1, true);
    change(other);
    const std::uint64_t after = come(std::move(other)).event_seed;
    EXPECT_NE(after, before) << what;
    EXPECT_NE(after, 0U) << what;
    EXPECT_NE(again(1), before) << what << ": what was recorded is void";
  };
  differs("sent for the first time", [](auto& m) { m.duplicate = false; });
  differs("payload", [](auto& m) { m.payload = "21.6"; });
  differs("topic", [](auto& m) { m.topic = "devices/8/temperature"; });
  differs("QoS", [](auto& m) { m.qos = QoS::kExactlyOnce; });
  differs("size", [](auto& m) { m.full_size = 5'000'000; });
  const auto property = [&](const char* what, auto change) {
    differs(what, [&](auto& m) {
      core::MessageProperties properties;
      change(properties);
      m.properties = std::make_shared<const core::MessageProperties>(properties);
    });
  };
  property("content type", [](auto& p) { p.content_type = "text/plain"; });
  property("response topic", [](auto& p) { p.response_topic = "r"; });
  property("correlation data", [](auto& p) { p.correlation_data = "c"; });
  property("user property", [](auto& p) { p.user_properties = {{"a", "b"}}; });
}

TEST_F(EventIds, what_is_left_of_the_expiry_makes_no_other_message) {
  const auto with_expiry = [](int left, bool duplicate) {
    core::IncomingMessage m = message(1, duplicate);
    core::MessageProperties properties;
    properties.expiry = std::chrono::seconds(left);
    m.properties = std::make_shared<const core::MessageProperties>(properties);
    return m;
  };
  const std::uint64_t seed = come(with_expiry(60, false)).event_seed;
  restart();
  EXPECT_EQ(come(with_expiry(3, true)).event_seed, seed);
}

TEST_F(EventIds, identifier_that_is_used_again_after_the_acknowledgement_means_another_message) {
  const std::uint64_t before = first(1);
  records_->acknowledging({1});
  restart();
  // Its first PUBLISH did not arrive here.
  EXPECT_NE(again(1), before);
}

TEST_F(EventIds, messages_of_a_session_that_is_lost_are_forgotten) {
  const std::uint64_t before = first(1);
  records_->clear();
  EXPECT_NE(again(1), before);
  restart();
  EXPECT_NE(again(1), before);
}

TEST_F(EventIds, acknowledgements_leave_what_is_in_flight) {
  std::vector<std::uint64_t> seeds{0};
  for (std::uint16_t id = 1; id <= 300; ++id) seeds.push_back(first(id));
  std::vector<core::PacketStore::Id> some;
  for (std::uint16_t id = 1; id <= 300; ++id) {
    if (id % 7 != 0) some.push_back(id);
  }
  records_->acknowledging(some);
  restart();
  for (std::uint16_t id = 1; id <= 300; ++id) {
    EXPECT_EQ(again(id) == seeds[id], id % 7 == 0) << id;
  }
}

TEST_F(EventIds, file_grows_by_what_is_in_flight_at_the_same_time) {
  constexpr std::uint16_t kWindow = 20;
  std::set<std::uint64_t> seeds;
  for (std::uint16_t id = 1; id <= 10'000; ++id) {
    seeds.insert(first(id));
    if (id >= kWindow) records_->acknowledging({static_cast<std::uint16_t>(id - kWindow + 1)});
  }
  EXPECT_EQ(seeds.size(), 10'000U);
  EXPECT_LE(fs::file_size(path_), (kWindow + 1) * kSlot);
}

TEST_F(EventIds, all_identifiers_can_be_in_flight) {
  const std::uint64_t one = first(1);
  for (std::uint32_t id = 2; id <= 65'535; ++id) first(static_cast<std::uint16_t>(id));
  restart();
  EXPECT_EQ(again(1), one);
  EXPECT_EQ(fs::file_size(path_), 65'536 * kSlot);
}

// ---- Power cuts, and the normal end ----

TEST_F(EventIds, nothing_counts_after_a_power_cut) {
  const std::uint64_t before = first(1);
  restart(kBoot + 1);
  EXPECT_NE(again(1), before) << "the record may be one of an acknowledged message";
  EXPECT_TRUE(log_.contains("the machine was restarted")) << log_.text();
}

TEST_F(EventIds, nothing_counts_after_a_kill_where_the_boot_is_not_known) {
  restart(0);
  const std::uint64_t before = first(1);
  restart(0);
  EXPECT_NE(again(1), before);
}

TEST_F(EventIds, what_was_closed_in_good_order_counts_in_another_boot) {
  const std::uint64_t before = first(1);
  records_->close();
  restart(kBoot + 1);
  EXPECT_EQ(again(1), before);
  restart(kBoot + 2);
  EXPECT_NE(again(1), before) << "it is open again since";
}

TEST_F(EventIds, file_goes_when_nothing_is_in_flight_at_the_end) {
  first(1);
  records_->acknowledging({1});
  records_->close();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(EventIds, nothing_is_written_after_the_end) {
  records_->close();
  EXPECT_EQ(first(1), 0U);
  records_->acknowledging({1});
  records_->clear();
  records_->close();
  EXPECT_FALSE(fs::exists(path_));
}

// ---- Damage ----

TEST_F(EventIds, damaged_slot_is_empty_and_the_others_are_not) {
  const std::uint64_t one = first(1);
  const std::uint64_t two = first(2);
  const std::uint64_t three = first(3);
  overwrite(2 * kSlot + 9, "x");  // the second's fingerprint
  restart();
  EXPECT_EQ(again(1), one);
  EXPECT_NE(again(2), two);
  EXPECT_EQ(again(3), three);
}

TEST_F(EventIds, time_far_from_any_comes_back_as_one_that_can_be_calculated_with) {
  core::IncomingMessage far = message(1, false);
  far.received = base::WallTime::min();
  const std::uint64_t seed = come(far).event_seed;
  restart();
  const core::IncomingMessage again = come(message(1, true));
  EXPECT_EQ(again.event_seed, seed);
  EXPECT_GT(again.received.time_since_epoch(), -std::chrono::hours(292 * 8760));
}

TEST_F(EventIds, half_a_slot_is_empty) {
  const std::uint64_t one = first(1);
  const std::uint64_t two = first(2);
  fs::resize_file(path_, 2 * kSlot + kSlot / 2);
  restart();
  EXPECT_EQ(again(1), one);
  EXPECT_NE(again(2), two);
  restart();
  EXPECT_EQ(again(1), one);
}

TEST_F(EventIds, file_that_is_not_sound_is_begun_anew) {
  const auto damage = [&](const char* what, auto&& how) {
    const std::uint64_t before = first(1);
    how();
    restart();
    const std::uint64_t after = again(1);
    EXPECT_NE(after, before) << what;
    EXPECT_NE(after, 0U) << what;
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path_))) << what;
    restart();
    EXPECT_EQ(again(1), after) << what << ": it works again";
    records_->acknowledging({1});
  };
  damage("empty", [&] { fs::resize_file(path_, 0); });
  damage("short", [&] { fs::resize_file(path_, kSlot - 1); });
  damage("another file", [&] { overwrite(0, "SQLite format 3"); });
  damage("header", [&] { overwrite(20, "x"); });
  damage("two of one identifier", [&] {
    std::string bytes(2 * kSlot, '\0');
    std::ifstream(path_, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    for (std::size_t slot = 2; slot < 5; ++slot) overwrite(slot * kSlot, bytes.substr(kSlot));
  });
  damage("a link", [&] {
    fs::rename(path_, folder_.file("elsewhere"));
    fs::create_symlink(folder_.file("elsewhere"), path_);
  });
  damage("a pipe", [&] {
    fs::remove(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  });
}

TEST_F(EventIds, file_is_its_owners_alone) {
  first(1);
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

// ---- A disk that fails ----

TEST_F(EventIds, messages_come_without_a_seed_while_the_disk_is_full_and_one_line_says_so) {
  const std::uint64_t one = first(1);
  {
    const testing::FullDisk full(2 * kSlot);
    for (std::uint16_t id = 2; id < 100; ++id) EXPECT_EQ(first(id), 0U);
    EXPECT_EQ(again(1), one);
  }
  EXPECT_EQ(log_.count("get new IDs"), 1U) << log_.text();
  EXPECT_TRUE(log_.contains("WARN : cannot write")) << log_.text();
  const std::uint64_t later = first(3);
  EXPECT_NE(later, 0U);
  restart();
  EXPECT_EQ(again(1), one);
  EXPECT_EQ(again(3), later);
}

TEST_F(EventIds, file_goes_when_it_cannot_be_said_that_a_message_is_acknowledged) {
  const std::uint64_t one = first(1);
  const std::uint64_t two = first(2);
  {
    const testing::FullDisk full(0);
    records_->acknowledging({1});
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(first(3), 0U);
  }
  EXPECT_NE(again(1), one);
  EXPECT_NE(again(2), two) << "with it";
  EXPECT_NE(first(4), 0U);
}

TEST_F(EventIds, folder_that_is_gone_costs_the_seeds_and_nothing_else) {
  fs::remove_all(folder_.path());
  EXPECT_EQ(first(1), 0U);
  records_->acknowledging({1});
  records_->close();
}

// ---- In an inbox ----

class InboxEventIds : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteInbox> open() {
    return SqliteInbox::open(folder_.file("inbox.db"), {}, base::Log(log_)).value();
  }
  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
};

TEST_F(InboxEventIds, each_connection_has_its_own) {
  const auto take_in = [](core::DurableInbox& inbox, std::size_t connection, bool duplicate) {
    core::IncomingMessage m = message(1, duplicate);
    inbox.session().event_ids(connection)->received(m, true);
    return m.event_seed;
  };
  std::uint64_t zero = 0;
  std::uint64_t one = 0;
  {
    const auto inbox = open();
    zero = take_in(*inbox, 0, false);
    one = take_in(*inbox, 1, false);
    EXPECT_NE(zero, one);
  }
  {
    const auto inbox = open();
    EXPECT_EQ(take_in(*inbox, 0, true), zero);
    EXPECT_EQ(take_in(*inbox, 1, true), one);
    inbox->session().packets(0).acknowledging({1});
    ASSERT_TRUE(inbox->session().packets(1).clear({}).ok());
    EXPECT_NE(take_in(*inbox, 0, true), zero);
    EXPECT_NE(take_in(*inbox, 1, true), one);
  }
}

TEST_F(InboxEventIds, stored_message_keeps_its_seed) {
  {
    const auto inbox = open();
    core::IncomingMessage m = message(1, false);
    m.event_seed = 0xfedc'ba98'7654'3210;
    ASSERT_TRUE(inbox->append("q", m, false).ok());
    ASSERT_TRUE(inbox->commit().ok());
  }
  const auto entry = open()->take("q", kLater, core::Inbox::Order::kReady);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->message->event_seed, 0xfedc'ba98'7654'3210U);
}

}  // namespace
}  // namespace dapr_mqtt::storage
