// Inboxes that older versions of the program have written.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "storage/sqlite/database.h"
#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Version 1, in which a QoS 2 message of MQTT 3.1.1 waited as a packet for its PUBREL.
constexpr const char* kVersion1 =
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, queue TEXT NOT NULL, due INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, flags INTEGER NOT NULL, received INTEGER NOT NULL,"
    " topic TEXT NOT NULL, properties BLOB, payload BLOB NOT NULL);"
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counters VALUES('ids', 100);"
    "CREATE TABLE packets(key INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE subscriptions(connection INTEGER NOT NULL, filter TEXT NOT NULL,"
    " PRIMARY KEY(connection, filter)) WITHOUT ROWID;"
    "INSERT INTO messages VALUES(5, 'a/b', 0, 2, 1, 1, 'a/b', NULL, 'stored before');"
    "INSERT INTO subscriptions VALUES(0, 'a/b');"
    "PRAGMA user_version=1;";

struct OlderSchemaTest : ::testing::Test {
  OlderSchemaTest() {
    bool corrupt = false;
    old = sqlite::Database::open(path, {}, &corrupt).value();
    EXPECT_TRUE(old->execute(kVersion1).ok());
  }
  void put(int key, const std::string& hex_of_body) {
    const std::string body = hex_of_body.empty() ? "NULL" : "x'" + hex_of_body + "'";
    const std::string sql = "INSERT INTO packets VALUES(" + std::to_string(key) + ", " + body + ")";
    ASSERT_TRUE(old->execute(sql.c_str()).ok());
  }
  base::Result<std::unique_ptr<SqliteInbox>> open() {
    old.reset();
    return SqliteInbox::open(path, {}, base::Log(log));
  }

  testing::ScratchFolder folder;
  testing::CapturedLog log;
  const std::string path = folder.file("inbox.db");
  std::unique_ptr<sqlite::Database> old;
};

TEST_F(OlderSchemaTest, packets_of_version_1_become_messages_that_wait_unclaimed) {
  put(7,
      "34090003612f620007"
      "6869");  // topic "a/b", identifier 7, "hi"
  put(8, "");   // a mark, of MQTT 5
  put(65536 + 9,
      "3d0500017400"
      "09");                                   // connection 1: DUP, retained, no payload
  std::string large = "34d30f0003612f62000a";  // 2,003 bytes follow: two bytes of length
  for (int i = 0; i < 1996; ++i) large += "78";
  put(10, large);
  for (int start = 0; start < 2; ++start) {
    auto opened = open();
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const auto inbox = std::move(opened).value();
    EXPECT_THAT(inbox->session().packets(0).ids(), ElementsAre(7, 8, 10));
    EXPECT_THAT(inbox->session().packets(1).ids(), ElementsAre(9));
    EXPECT_EQ(inbox->usage().messages, 4U);
  }
  const auto inbox = open().value();
  EXPECT_EQ(inbox->claim(core::TopicFilter::parse("a/b").value()), 2U);
  std::vector<core::InboxEntry> taken;
  while (auto entry = inbox->take("a/b", kNow, kReady)) taken.push_back(*entry);
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].message->payload, "stored before");
  EXPECT_EQ(taken[0].failures, 2U);
  EXPECT_EQ(taken[1].message->topic, "a/b");
  EXPECT_EQ(taken[1].message->payload, "hi");
  EXPECT_EQ(taken[1].message->qos, core::QoS::kExactlyOnce);
  EXPECT_FALSE(taken[1].message->retained);
  EXPECT_FALSE(taken[1].message->duplicate);
  EXPECT_GT(taken[1].message->received, base::WallTime{});
  EXPECT_GT(taken[1].id, 100U) << "ids are never used twice";
  EXPECT_EQ(taken[2].message->payload, std::string(1996, 'x'));

  const auto other = inbox->take(core::Inbox::kUnclaimed, kNow, kReady);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->message->topic, "t");
  EXPECT_EQ(other->message->payload, "");
  EXPECT_TRUE(other->message->retained);
  EXPECT_TRUE(other->message->duplicate);
}

TEST_F(OlderSchemaTest, ids_of_moved_packets_are_not_used_again) {
  put(7,
      "34060001740007"
      "78");
  auto inbox = open().value();
  const auto moved = inbox->take(core::Inbox::kUnclaimed, kNow, kReady);
  inbox->settle(moved->id);
  inbox.reset();
  inbox = open().value();
  core::IncomingMessage message;
  message.topic = "t";
  EXPECT_GT(inbox->append("q", message, false).value().id, moved->id);
}

TEST_F(OlderSchemaTest, packet_that_cannot_be_read_stops_the_start_and_stays) {
  for (const char* body : {"00", "34", "34ffffffff",
                           "32060001740007"
                           "78",
                           "34060001740007", "3404ffff0007"}) {
    ASSERT_TRUE(old->execute("DELETE FROM packets").ok());
    put(7, body);
    const auto refused = open();
    ASSERT_FALSE(refused.ok()) << body;
    EXPECT_THAT(refused.status().message(), HasSubstr("row 7"));
    EXPECT_FALSE(log.contains("set aside"));
    bool corrupt = false;
    old = sqlite::Database::open(path, {}, &corrupt).value();
    EXPECT_EQ(old->number("SELECT count(*) FROM packets WHERE body NOTNULL").value(), 1);
    EXPECT_EQ(old->number("PRAGMA user_version").value(), 1);
  }
}

TEST_F(OlderSchemaTest, messages_of_version_1_were_received_whole) {
  const auto inbox = open().value();
  EXPECT_EQ(inbox->take("a/b", kNow, kReady)->message->full_size, 0U);
}

}  // namespace
}  // namespace dapr_mqtt::storage
