// Folders and owners of durable inboxes.
#include "dapr_mqtt/storage/durable_inbox.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "dapr_mqtt/core/event_ids.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct DurableInboxTest : ::testing::Test {
  base::Result<std::unique_ptr<core::DurableInbox>> open(std::string consumer_id = "orders") {
    options.consumer_id = consumer_id;
    options.identity = "tcp://broker:1883\n" + consumer_id;
    return open_durable_inbox(options, base::Log(log));
  }
  std::vector<fs::path> folders() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(options.state_dir)) out.push_back(entry);
    return out;
  }
  static void put(core::Inbox& inbox) {
    core::IncomingMessage message;
    message.topic = "t";
    message.qos = core::QoS::kAtLeastOnce;
    ASSERT_TRUE(inbox.append("q", message, false).ok());
  }

  testing::ScratchFolder folder;
  testing::CapturedLog log;
  DurableInboxOptions options{.state_dir = folder.file("state/of mine"), .component = "pubsub"};
};

TEST_F(DurableInboxTest, folders_are_made_for_their_owner_alone) {
  const auto inbox = open("orders/of {me}");
  ASSERT_TRUE(inbox.ok()) << inbox.status().message();
  ASSERT_EQ(folders().size(), 1U);
  EXPECT_THAT(folders()[0].filename().string(), ::testing::StartsWith("orders_of__me_-"));
  for (const fs::path& path : {fs::path(options.state_dir), folders()[0]}) {
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all) << path;
  }
}

TEST_F(DurableInboxTest, second_owner_gets_an_error_with_consumer_id_and_remedy) {
  auto first = open();
  ASSERT_TRUE(first.ok());
  const auto second = open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), AllOf(HasSubstr("\"orders\""), HasSubstr("{uuid}"),
                                               HasSubstr("{podName}"), HasSubstr("--state-dir")));
  EXPECT_TRUE(open("others").ok());
  first.value()->close();
  EXPECT_TRUE(open().ok()) << "free once closed";
}

TEST_F(DurableInboxTest, close_removes_the_files_of_an_empty_inbox_only) {
  auto inbox = open();
  put(*inbox.value());
  inbox.value()->close();
  EXPECT_EQ(folders().size(), 1U);
  inbox = open();
  const auto entry = inbox.value()->take("q", base::WallTime{}, core::Inbox::Order::kReady);
  ASSERT_TRUE(entry);
  inbox.value()->settle(entry->id);
  // A message that the broker still has, in a session without subscriptions.
  core::IncomingMessage in_flight;
  in_flight.packet.id = 1;
  inbox.value()->session().event_ids(0)->received(in_flight, true);
  EXPECT_NE(in_flight.event_seed, 0U);
  inbox.value()->close();
  EXPECT_EQ(folders().size(), 0U);
}

TEST_F(DurableInboxTest, folder_that_cannot_be_made_is_named_with_the_remedy) {
  options.state_dir = "/proc/not-here/state";
  const auto inbox = open();
  ASSERT_FALSE(inbox.ok());
  EXPECT_EQ(inbox.status().kind(), base::ErrorKind::kUnavailable);
  EXPECT_THAT(inbox.status().message(),
              AllOf(HasSubstr("/proc/not-here"), HasSubstr("--state-dir")));
}

}  // namespace
}  // namespace dapr_mqtt::storage
