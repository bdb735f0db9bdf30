// Inboxes that nobody has used for a long time.
#include "dapr_mqtt/storage/old_inboxes.h"

#include <gmock/gmock.h>

#include "dapr_mqtt/storage/durable_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

class OldInboxes : public ::testing::Test {
 protected:
  std::unique_ptr<core::DurableInbox> open(const std::string& consumer_id) {
    return open_durable_inbox({.state_dir = old_.state_dir,
                               .identity = "tcp://b:1\n" + consumer_id,
                               .consumer_id = consumer_id,
                               .component = "pubsub",
                               .brokers = "tcp://b:1"},
                              base::Log(log_))
        .value();
  }
  static void put(core::DurableInbox& inbox) {
    core::IncomingMessage message;
    message.topic = "t";
    message.qos = core::QoS::kAtLeastOnce;
    ASSERT_TRUE(inbox.append("q", message, false).ok());
    ASSERT_TRUE(inbox.commit().ok());
  }
  /// Creates an inbox as a killed process leaves it.
  void leave(const std::string& consumer_id, bool with_message, hours age) {
    const std::string kept = folder_.file("kept");
    auto inbox = open(consumer_id);
    if (with_message) put(*inbox);
    fs::path path;
    for (const auto& entry : fs::directory_iterator(old_.state_dir)) {
      if (entry.path().filename().string().starts_with(consumer_id)) path = entry.path();
    }
    fs::copy(path, kept);
    inbox.reset();
    fs::remove_all(path);
    fs::rename(kept, path);
    make_old(path, age);
  }
  static void make_old(const fs::path& folder, hours age) {
    for (const auto& file : fs::directory_iterator(folder)) {
      fs::last_write_time(file, fs::file_time_type::clock::now() - age);
    }
  }
  std::vector<std::string> folders() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(old_.state_dir)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  void look() { check_old_inboxes(old_, base::Log(log_)); }

  static constexpr hours kOld{8 * 24};
  static constexpr hours kYoung{6 * 24};
  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  OldInboxesOptions old_{.state_dir = folder_.file("state"), .time = std::chrono::minutes(1)};
};

TEST_F(OldInboxes, empty_ones_of_random_consumer_ids_are_removed) {
  leave("app-" + std::string(kUuid), false, kOld);
  look();
  EXPECT_THAT(folders(), IsEmpty());
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(OldInboxes, one_whose_process_was_killed_before_it_made_tables_is_removed_too) {
  leave(kUuid, false, kOld);
  const fs::path path = *fs::directory_iterator(old_.state_dir);
  fs::remove(path / "inbox.db-wal");
  fs::resize_file(path / "inbox.db", 0);
  make_old(path, kOld);
  look();
  EXPECT_THAT(folders(), IsEmpty());
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(OldInboxes, others_stay) {
  leave("app-" + std::string(kUuid), false, kYoung);
  leave("fixed", false, kOld);
  fs::create_directory(old_.state_dir + "/" + kUuid);  // not ours
  look();
  EXPECT_THAT(folders(), SizeIs(3));
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(OldInboxes, one_in_use_is_left_alone) {
  const auto inbox = open(kUuid);
  make_old(fs::directory_iterator(old_.state_dir)->path(), kOld);
  look();
  EXPECT_THAT(folders(), SizeIs(1));
  put(*inbox);
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(OldInboxes, those_with_messages_stay_and_one_warning_says_how_many_and_what_to_do) {
  leave("app-" + std::string(kUuid), true, kOld);
  leave("fixed", true, kOld);
  leave("young", true, kYoung);
  for (int i = 0; i < 2; ++i) look();
  EXPECT_THAT(folders(), SizeIs(3));
  ASSERT_THAT(log_.lines(), SizeIs(2))
      << "one for each call: checking an inbox does not count as a use";
  for (const std::string& line : log_.lines()) {
    EXPECT_THAT(
        line, ::testing::AllOf(::testing::StartsWith("WARN : 2 inbox(es) in "),
                               ::testing::HasSubstr("hold 2 message(s) ("),
                               ::testing::HasSubstr(" KiB), and"), ::testing::HasSubstr("7 days"),
                               ::testing::HasSubstr("tcp://b:1"), ::testing::HasSubstr("{uuid}")));
  }
}

TEST_F(OldInboxes, work_is_bounded_and_goes_on_the_next_time) {
  const std::string tail(kUuid + 2);
  for (int i = 10; i < 30; ++i) leave(std::to_string(i) + tail, false, kOld);
  old_.most_opened = 7;
  look();
  EXPECT_THAT(folders(), SizeIs(13));
  old_.time = {};
  look();
  EXPECT_THAT(folders(), SizeIs(12)) << "one at the least";
}

TEST_F(OldInboxes, opening_and_closing_one_is_a_use) {
  put(*open(kUuid));
  make_old(fs::directory_iterator(old_.state_dir)->path(), kOld);
  open(kUuid);
  look();
  EXPECT_THAT(log_.lines(), IsEmpty()) << log_.text();
}

TEST_F(OldInboxes, state_folder_that_is_not_there_is_no_trouble) {
  look();
  EXPECT_THAT(log_.lines(), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::storage
