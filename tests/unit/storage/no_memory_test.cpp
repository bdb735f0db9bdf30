// Append without memory leaves nothing of the message behind.
#include <gmock/gmock.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/failing_memory.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

using ::testing::ElementsAre;

core::IncomingMessage message(std::string payload, core::PacketStore::Id packet) {
  core::IncomingMessage m;
  m.topic = "t";
  m.payload = std::move(payload);
  m.qos = core::QoS::kExactlyOnce;
  m.packet = {0, packet};
  return m;
}

struct NoMemoryTest : ::testing::Test {
  std::unique_ptr<SqliteInbox> open() {
    return SqliteInbox::open(folder.file("inbox.db"), {}, base::Log(log)).value();
  }
  std::vector<std::string> take_all(core::Inbox& inbox) {
    std::vector<std::string> payloads;
    while (auto entry = inbox.take("q", kNow, core::Inbox::Order::kReady)) {
      payloads.push_back(entry->message->payload);
      inbox.settle(entry->id);
    }
    return payloads;
  }

  testing::ScratchFolder folder;
  testing::CapturedLog log;
};

TEST_F(NoMemoryTest, message_that_was_not_taken_in_leaves_nothing_and_comes_once_when_sent_again) {
  for (const bool restart : {false, true}) {
    int nth = 0;
    for (bool taken = false; !taken; ++nth) {
      auto inbox = open();
      core::PacketStore& packets = inbox->session().packets(0);
      packets.put(7);
      core::IncomingMessage first = message("a payload that has its own memory", 7);
      testing::fail_allocation(nth);
      try {
        taken = inbox->append("q", std::move(first), false).ok();
      } catch (const std::bad_alloc&) {
      }
      testing::fail_no_allocation();
      if (!taken) {
        ASSERT_TRUE(packets.remove(7, {}).ok());
      }
      ASSERT_TRUE(inbox->commit().ok());
      if (!taken) {
        packets.put(7);
        ASSERT_TRUE(inbox->append("q", message("again", 7), false).ok());
      }
      ASSERT_TRUE(inbox->commit().ok());
      if (restart) {
        inbox.reset();
        inbox = open();
      }
      EXPECT_THAT(inbox->session().packets(0).ids(), ElementsAre(7));
      EXPECT_THAT(take_all(*inbox),
                  ElementsAre(taken ? "a payload that has its own memory" : "again"))
          << "allocation " << nth;
      ASSERT_TRUE(inbox->session().packets(0).remove(7, {}).ok());
      ASSERT_TRUE(inbox->commit().ok());
    }
    EXPECT_GT(nth, 5) << "append no longer allocates?";
  }
}

}  // namespace
}  // namespace dapr_mqtt::storage
