// The session state in a durable inbox: packet identifiers of QoS 2 and subscriptions.
#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using core::PacketStore;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Texts = std::vector<std::string>;

class SessionStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteInbox> open(const std::string& path) {
    return SqliteInbox::open(path, {}, base::Log(log_)).value();
  }
  /// Another inbox that finds on disk what a kill at this moment would leave.
  std::unique_ptr<SqliteInbox> after_kill() {
    const std::string copy = folder_.file("copy" + std::to_string(++copies_) + ".db");
    fs::copy_file(path_, copy);
    fs::copy_file(path_ + "-wal", copy + "-wal");
    return open(copy);
  }
  static core::AppendOutcome append(SqliteInbox& inbox, std::string payload, PacketStore::Id id) {
    core::IncomingMessage message;
    message.topic = "t";
    message.payload = std::move(payload);
    message.qos = core::QoS::kExactlyOnce;
    message.packet = {0, id};
    inbox.session().packets(0).put(id);
    return inbox.append("q", std::move(message), false).value();
  }
  static Texts messages(SqliteInbox& inbox) {
    Texts out;
    while (auto entry = inbox.take("q", kNow, core::Inbox::Order::kReady)) {
      out.push_back(entry->message->payload);
    }
    return out;
  }
  static std::vector<PacketStore::Id> packets(SqliteInbox& inbox, std::size_t connection = 0) {
    return inbox.session().packets(connection).ids();
  }
  static Texts subscriptions(SqliteInbox& inbox) {
    Texts out;
    for (const auto& [connection, filter] : inbox.session().subscriptions()) {
      out.push_back(std::to_string(connection) + " " + filter.str());
    }
    return out;
  }
  static core::TopicFilter filter(std::string_view text) {
    return core::TopicFilter::parse(text).value();
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  const std::string path_ = folder_.file("inbox.db");
  int copies_ = 0;
};

TEST_F(SessionStoreTest, mark_comes_with_the_message_and_goes_with_the_release) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  append(*inbox, "message", 7);
  EXPECT_TRUE(store.contains(7));
  EXPECT_THAT(packets(*after_kill()), IsEmpty()) << "otherwise the message would count as stored";
  ASSERT_TRUE(inbox->commit().ok());
  {
    const auto found = after_kill();
    EXPECT_THAT(packets(*found), ElementsAre(7));
    EXPECT_THAT(messages(*found), ElementsAre("message"));
  }
  EXPECT_TRUE(store.remove(7, {}).ok());
  EXPECT_FALSE(store.contains(7));
  EXPECT_THAT(packets(*after_kill()), ElementsAre(7)) << "PUBCOMP waits for the commit";
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_THAT(packets(*after_kill()), IsEmpty()) << "its identifier may be used again";
}

TEST_F(SessionStoreTest, mark_of_a_message_that_was_dropped_is_in_memory_only) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  store.put(7);
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_TRUE(store.contains(7));
  EXPECT_THAT(packets(*after_kill()), IsEmpty());
  EXPECT_TRUE(store.remove(7, {}).ok());
  EXPECT_FALSE(store.contains(7));
  EXPECT_TRUE(store.remove(7, {}).ok()) << "unknown ids are ignored";
}

TEST_F(SessionStoreTest, messages_of_other_qos_leave_no_mark) {
  const auto inbox = open(path_);
  core::IncomingMessage message;
  message.topic = "t";
  message.qos = core::QoS::kAtLeastOnce;
  message.packet = {0, 7};
  ASSERT_TRUE(inbox->append("q", std::move(message), false).ok());
  EXPECT_FALSE(inbox->session().packets(0).contains(7));
}

TEST_F(SessionStoreTest, identifier_may_be_used_again_before_its_release_is_written) {
  const auto inbox = open(path_);
  append(*inbox, "one", 7);
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_TRUE(inbox->session().packets(0).remove(7, {}).ok());
  append(*inbox, "two", 7);
  ASSERT_TRUE(inbox->commit().ok());
  const auto found = after_kill();
  EXPECT_THAT(packets(*found), ElementsAre(7));
  EXPECT_THAT(messages(*found), ElementsAre("one", "two"));
}

TEST_F(SessionStoreTest, connections_have_packets_of_their_own) {
  const auto inbox = open(path_);
  append(*inbox, "message", 7);  // of connection 0
  EXPECT_THAT(packets(*inbox, 1), IsEmpty());
  EXPECT_TRUE(inbox->session().packets(1).clear({}).ok());
  ASSERT_TRUE(inbox->commit().ok());
  const auto found = after_kill();
  EXPECT_THAT(packets(*found, 0), ElementsAre(7));
  EXPECT_TRUE(found->session().packets(0).clear({}).ok());
  EXPECT_THAT(packets(*found, 0), IsEmpty());
}

TEST_F(SessionStoreTest, mark_and_message_are_never_written_one_without_the_other) {
  const auto inbox = open(path_);
  for (PacketStore::Id id = 1; id <= 600; ++id) append(*inbox, "message", id);
  ASSERT_TRUE(inbox->flush().value()) << "without the commit's knowledge, and more is left";
  const auto some = after_kill();
  EXPECT_EQ(packets(*some).size(), messages(*some).size());
  EXPECT_TRUE(inbox->commit().ok());
  const auto all = after_kill();
  EXPECT_EQ(packets(*all).size(), 600U);
  EXPECT_EQ(messages(*all).size(), 600U);
}

TEST_F(SessionStoreTest, closed_inbox_lets_no_release_through) {
  const auto inbox = open(path_);
  append(*inbox, "message", 7);
  ASSERT_TRUE(inbox->commit().ok());
  inbox->close();
  EXPECT_EQ(inbox->session().packets(0).remove(7, {}).kind(), base::ErrorKind::kCancelled);
}

TEST_F(SessionStoreTest, subscriptions_are_found_by_the_next_process) {
  const auto inbox = open(path_);
  core::SessionStore& session = inbox->session();
  session.subscribed(0, filter("a/#"));
  session.subscribed(1, filter("a/b"));
  session.subscribed(1, filter("a/b"));
  session.subscribed(0, filter("gone"));
  session.unsubscribed(0, filter("gone"));
  EXPECT_THAT(subscriptions(*after_kill()), UnorderedElementsAre("0 a/#", "1 a/b"));
}

TEST_F(SessionStoreTest, files_stay_while_a_session_is_in_them) {
  bool empty = true;
  const auto closed = [&](bool is_empty) { empty = is_empty; };
  auto inbox = SqliteInbox::open(path_, {}, base::Log(log_), closed).value();
  inbox->session().subscribed(0, filter("a"));
  inbox->close();
  EXPECT_FALSE(empty);
  inbox = SqliteInbox::open(path_, {}, base::Log(log_), closed).value();
  EXPECT_THAT(subscriptions(*inbox), ElementsAre("0 a"));
  inbox->session().unsubscribed(0, filter("a"));
  inbox->close();
  EXPECT_TRUE(empty);
}

}  // namespace
}  // namespace dapr_mqtt::storage
