// What a durable inbox keeps of its sessions: packets of QoS 2 and subscriptions.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using core::PacketStore;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Texts = std::vector<std::string>;

constexpr base::WallTime kNow{std::chrono::hours(500'000)};

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
    return inbox.append("q", std::move(message), false).value();
  }
  static Texts messages(SqliteInbox& inbox) {
    Texts out;
    while (auto entry = inbox.take("q", kNow, core::Inbox::Order::kReady)) {
      out.push_back(entry->message->payload);
    }
    return out;
  }
  static Texts packets(SqliteInbox& inbox, std::size_t connection = 0) {
    Texts out;
    const PacketStore& store = inbox.session().packets(connection);
    for (const auto& [id, mark] : store.entries()) {
      out.push_back(std::to_string(id) + (mark ? " mark" : " " + store.body(id).value_or("none")));
    }
    return out;
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

TEST_F(SessionStoreTest, body_is_on_disk_after_a_commit_and_goes_with_the_message) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  EXPECT_TRUE(store.put_body(7, "packet").ok());
  EXPECT_THAT(packets(*inbox), ElementsAre("7 packet"));
  ASSERT_TRUE(inbox->commit().ok());
  {
    const auto found = after_kill();
    EXPECT_THAT(packets(*found), ElementsAre("7 packet"));
    EXPECT_THAT(messages(*found), IsEmpty());
  }
  append(*inbox, "message", 7);
  {
    const auto found = after_kill();
    EXPECT_THAT(packets(*found), ElementsAre("7 packet")) << "to be released again";
    EXPECT_THAT(messages(*found), IsEmpty());
  }
  ASSERT_TRUE(inbox->commit().ok());
  {
    const auto found = after_kill();
    EXPECT_THAT(packets(*found), IsEmpty()) << "its release would deliver it again";
    EXPECT_THAT(messages(*found), ElementsAre("message"));
  }
  EXPECT_TRUE(store.remove(7).ok());  // as the library does afterwards
  EXPECT_THAT(packets(*inbox), IsEmpty());
}

TEST_F(SessionStoreTest, mark_comes_with_the_message_and_goes_with_the_release) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  store.put_mark(7);
  append(*inbox, "message", 7);
  EXPECT_THAT(packets(*after_kill()), IsEmpty()) << "else the message would be taken for stored";
  ASSERT_TRUE(inbox->commit().ok());
  {
    const auto found = after_kill();
    EXPECT_THAT(packets(*found), ElementsAre("7 mark"));
    EXPECT_THAT(messages(*found), ElementsAre("message"));
  }
  EXPECT_TRUE(store.remove(7).ok());
  ASSERT_TRUE(inbox->commit().ok());
  EXPECT_THAT(packets(*after_kill()), IsEmpty()) << "its identifier may be used again";
}

TEST_F(SessionStoreTest, connections_have_packets_of_their_own) {
  const auto inbox = open(path_);
  EXPECT_TRUE(inbox->session().packets(0).put_body(7, "zero").ok());
  EXPECT_TRUE(inbox->session().packets(1).put_body(7, "one").ok());
  append(*inbox, "message", 7);  // of connection 0
  EXPECT_TRUE(inbox->session().packets(2).clear().ok());
  ASSERT_TRUE(inbox->commit().ok());
  const auto found = after_kill();
  EXPECT_THAT(packets(*found, 0), IsEmpty());
  EXPECT_THAT(packets(*found, 1), ElementsAre("7 one"));
  EXPECT_TRUE(found->session().packets(1).clear().ok());
  EXPECT_THAT(packets(*found, 1), IsEmpty());
}

TEST_F(SessionStoreTest, packet_and_message_are_never_written_one_without_the_other) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  for (PacketStore::Id id = 1; id <= 600; ++id) EXPECT_TRUE(store.put_body(id, "packet").ok());
  ASSERT_TRUE(inbox->commit().ok());
  for (PacketStore::Id id = 1; id <= 600; ++id) append(*inbox, "message", id);
  ASSERT_TRUE(inbox->flush().ok());  // of which the commit does not know
  const auto found = after_kill();
  EXPECT_THAT(packets(*found), IsEmpty());
  EXPECT_EQ(messages(*found).size(), 600U);
  EXPECT_TRUE(inbox->commit().ok());
}

TEST_F(SessionStoreTest, packet_is_found_by_its_identifier) {
  const auto inbox = open(path_);
  PacketStore& store = inbox->session().packets(0);
  EXPECT_TRUE(store.put_body(1, "packet").ok());
  store.put_mark(2);
  EXPECT_EQ(store.find(1)->mark, false);
  EXPECT_EQ(store.find(2)->mark, true);
  EXPECT_FALSE(store.find(3));
  EXPECT_FALSE(inbox->session().packets(1).find(1));
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

TEST_F(SessionStoreTest, what_a_full_disk_did_not_take_is_written_when_it_does) {
  const auto inbox = open(path_);
  int told = 0;
  inbox->watch([&] { ++told; });
  PacketStore& store = inbox->session().packets(0);
  EXPECT_TRUE(store.put_body(1, "stored before").ok());
  ASSERT_TRUE(inbox->commit().ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  const rlimit full{fs::file_size(path_ + "-wal"), unlimited.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  EXPECT_TRUE(store.put_body(2, "kept").ok());
  EXPECT_TRUE(store.put_body(3, "delivered meanwhile").ok());
  append(*inbox, "message", 3);
  const base::Status committed = inbox->commit();
  EXPECT_TRUE(store.remove(1).ok());
  inbox->session().subscribed(0, filter("a"));
  const bool failed = !inbox->flush().ok();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);

  EXPECT_TRUE(failed);
  EXPECT_FALSE(committed.ok());
  EXPECT_GE(told, 1) << "intake has to stop";
  EXPECT_THAT(packets(*inbox), ElementsAre("2 kept")) << "served from memory";
  EXPECT_THAT(packets(*after_kill()), ElementsAre("1 stored before"));

  ASSERT_TRUE(inbox->flush().ok());
  const auto found = after_kill();
  EXPECT_THAT(packets(*found), ElementsAre("2 kept"));
  EXPECT_THAT(messages(*found), ElementsAre("message"));
  EXPECT_THAT(subscriptions(*found), ElementsAre("0 a"));
}

}  // namespace
}  // namespace dapr_mqtt::storage
