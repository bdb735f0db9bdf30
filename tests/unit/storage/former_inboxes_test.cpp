// Messages in the former inbox of a Component whose url was changed.
#include <gmock/gmock.h>

#include <fstream>

#include "dapr_mqtt/storage/durable_inbox.h"
#include "storage/inbox_folder.h"
#include "storage/inbox_owner.h"
#include "storage/sqlite/database.h"
#include "storage/transfer.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

namespace fs = std::filesystem;
using core::QoS;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kOld = "tcp://old:1883";
constexpr const char* kNew = "ssl://new:8883";

using InboxPtr = std::unique_ptr<core::DurableInbox>;

class FormerInboxes : public ::testing::Test {
 protected:
  InboxPtr open(const std::string& broker, const std::string& consumer_id = "orders",
                const std::string& component = "pubsub") {
    options_.identity = broker + "\n" + consumer_id;
    options_.consumer_id = consumer_id;
    options_.component = component;
    options_.brokers = broker;
    auto inbox = open_durable_inbox(options_, base::Log(log_));
    EXPECT_TRUE(inbox.ok()) << inbox.status().message();
    return std::move(inbox).value();
  }
  static void put(core::DurableInbox& inbox, const std::string& payload,
                  const std::string& queue = "q", core::PacketKey packet = {}) {
    core::IncomingMessage message;
    message.topic = "t/" + payload;
    message.payload = payload;
    message.qos = packet.id == 0 ? QoS::kAtLeastOnce : QoS::kExactlyOnce;
    message.packet = packet;
    if (packet.id != 0) inbox.session().packets(packet.connection).put(packet.id);
    ASSERT_TRUE(inbox.append(queue, std::move(message), false).ok());
    ASSERT_TRUE(inbox.commit().ok());
  }
  static std::vector<std::string> take_all(core::Inbox& inbox, const std::string& queue = "q") {
    std::vector<std::string> payloads;
    while (auto entry = inbox.take(queue, kNow, kReady)) {
      payloads.push_back(entry->message->payload);
      inbox.settle(entry->id);
    }
    return payloads;
  }
  std::size_t folders() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(options_.state_dir), fs::directory_iterator()));
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  DurableInboxOptions options_{.state_dir = folder_.file("state")};
};

TEST_F(FormerInboxes, message_whose_number_is_damaged_comes_over_too) {
  {
    const InboxPtr old = open(kOld);
    for (const char* payload : {"damaged", "sound"}) put(*old, payload);
  }
  for (const auto& entry : fs::recursive_directory_iterator(options_.state_dir)) {
    if (entry.path().filename() != "inbox.db") continue;
    bool corrupt = false;
    const auto file = sqlite::Database::open(entry.path(), {}, &corrupt).value();
    ASSERT_TRUE(file->execute("UPDATE messages SET id = -1 WHERE topic = 't/damaged'").ok());
  }
  EXPECT_THAT(take_all(*open(kNew)), ElementsAre("sound", "damaged"));
}

TEST_F(FormerInboxes, messages_of_the_former_url_come_first_in_order_and_leave_it) {
  {
    const InboxPtr old = open(kOld);
    for (const char* payload : {"one", "two", "three"}) put(*old, payload);
  }
  InboxPtr now = open(kNew);
  EXPECT_TRUE(log_.contains("INFO : 3 message(s) were moved here")) << log_.text();
  EXPECT_TRUE(log_.contains(kOld)) << log_.text();
  put(*now, "new");
  EXPECT_THAT(take_all(*now), ElementsAre("one", "two", "three", "new"));
  now.reset();
  EXPECT_EQ(folders(), 0U) << "neither holds anything any more";
  EXPECT_THAT(take_all(*open(kOld)), IsEmpty());
}

TEST_F(FormerInboxes, they_go_behind_what_waits_here) {
  options_.full_sync = true;
  put(*open(kNew), "here");
  {
    const InboxPtr old = open(kOld, "orders", "before it had this name");
    put(*old, "from there");
  }
  EXPECT_EQ(open(kNew)->usage().messages, 1U) << "another Component's";
  open(kOld);  // its own inbox again: moves "here"
  EXPECT_THAT(take_all(*open(kNew)), ElementsAre("from there", "here"));
}

TEST_F(FormerInboxes,
       queues_failures_due_times_properties_and_unclaimed_messages_stay_as_they_were) {
  const base::WallTime due = kNow + std::chrono::hours(1);
  {
    const InboxPtr old = open(kOld);
    put(*old, "failed", "a/#");
    put(*old, "whoever", "");
    core::IncomingMessage rich;
    rich.topic = "rich";
    rich.qos = QoS::kExactlyOnce;
    rich.retained = true;
    rich.duplicate = true;
    rich.full_size = 5'000'000;
    rich.event_seed = 0xfedc'ba98'7654'3210;
    rich.received = kNow;
    core::MessageProperties properties;
    properties.content_type = "text/plain";
    rich.properties = std::make_shared<const core::MessageProperties>(properties);
    ASSERT_TRUE(old->append("r", rich, true).ok());
    const auto failed = old->take("a/#", kNow, kReady);
    ASSERT_TRUE(failed);
    old->release(failed->id, 3, due);
  }
  const InboxPtr now = open(kNew);
  EXPECT_THAT(now->queues(), ::testing::UnorderedElementsAre("a/#", "", "r"));
  EXPECT_FALSE(now->take("a/#", kNow, kReady));
  const auto failed = now->take("a/#", due, kReady);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failures, 3U);
  EXPECT_EQ(now->claim(core::TopicFilter::parse("t/#").value()), 1U);
  const auto rich = now->take("r", kNow, kReady);
  ASSERT_TRUE(rich);
  EXPECT_EQ(rich->message->topic, "rich");
  EXPECT_EQ(rich->message->qos, QoS::kExactlyOnce);
  EXPECT_TRUE(rich->message->retained && rich->message->duplicate);
  EXPECT_EQ(rich->message->full_size, 5'000'000U);
  EXPECT_EQ(rich->message->event_seed, 0xfedc'ba98'7654'3210U);
  EXPECT_EQ(rich->message->received, kNow);
  ASSERT_TRUE(rich->message->properties);
  EXPECT_EQ(rich->message->properties->content_type, "text/plain");
}

TEST_F(FormerInboxes, their_events_keep_the_number_that_a_message_had) {
  {
    const InboxPtr old = open(kOld);
    for (const char* payload : {"one", "two", "three"}) put(*old, payload);
    for (int i = 0; i < 2; ++i) old->settle(old->take("q", kNow, kReady)->id);
  }
  const auto three = open(kNew)->take("q", kNow, kReady);
  ASSERT_TRUE(three);
  EXPECT_EQ(three->message->payload, "three");
  EXPECT_EQ(three->id, 1U) << "otherwise the test proves nothing";
  EXPECT_EQ(three->message->event_seed, 3U);
}

TEST_F(FormerInboxes, the_session_stays_with_its_broker) {
  const auto filter = core::TopicFilter::parse("t/#").value();
  {
    const InboxPtr old = open(kOld);
    old->session().subscribed(0, filter);
    put(*old, "of qos 2", "q", {0, 7});
  }
  {
    const InboxPtr now = open(kNew);
    EXPECT_THAT(now->session().subscriptions(), IsEmpty());
    EXPECT_FALSE(now->session().packets(0).contains(7)) << "7 is another message at this broker";
    EXPECT_THAT(take_all(*now), ElementsAre("of qos 2"));
  }
  const InboxPtr old = open(kOld);
  EXPECT_EQ(old->session().subscriptions().size(), 1U);
  EXPECT_TRUE(old->session().packets(0).contains(7))
      << "or the broker's resend would be stored again";
  EXPECT_THAT(take_all(*old), IsEmpty());
}

TEST_F(FormerInboxes, other_consumer_ids_and_other_components_keep_theirs) {
  const std::string longer(80, 'x');
  put(*open(kOld, "orders-1"), "longer");
  put(*open(kOld, "order"), "shorter");
  put(*open(kOld, "a/b"), "looks the same as a_b");
  put(*open(kOld, longer + "1"), "looks the same as the other long one");
  put(*open(kOld, "orders", "another pubsub"), "of another Component with the same default");
  for (const std::string& id : {std::string("orders"), std::string("a_b"), longer + "2"}) {
    EXPECT_EQ(open(kNew, id)->usage().messages, 0U) << id;
  }
  EXPECT_EQ(open(kNew, "a/b")->usage().messages, 1U) << "otherwise the test proves nothing";
}

TEST_F(FormerInboxes, inbox_in_use_is_left_alone) {
  const InboxPtr old = open(kOld);
  put(*old, "its own");
  EXPECT_EQ(open(kNew)->usage().messages, 0U);
  EXPECT_TRUE(log_.contains("is in use")) << log_.text();
  EXPECT_THAT(take_all(*old), ElementsAre("its own"));
}

TEST_F(FormerInboxes, component_without_a_name_brings_over_nothing) {
  put(*open(kOld, "orders", ""), "whose?");
  EXPECT_EQ(open(kNew, "orders", "")->usage().messages, 0U);
}

TEST_F(FormerInboxes, what_takes_too_long_follows_at_the_next_start) {
  {
    const InboxPtr old = open(kOld);
    for (int i = 0; i < 1000; ++i) put(*old, std::to_string(i));
  }
  options_.time_for_former = milliseconds(0);
  EXPECT_EQ(open(kNew)->usage().messages, 256U);
  EXPECT_TRUE(log_.contains("744 more wait there and follow at the next start")) << log_.text();
  options_.time_for_former = std::chrono::minutes(1);
  const auto payloads = take_all(*open(kNew));
  ASSERT_EQ(payloads.size(), 1000U);
  for (std::size_t i = 0; i < payloads.size(); ++i) ASSERT_EQ(payloads[i], std::to_string(i));
}

TEST_F(FormerInboxes, damaged_one_is_told_of_and_stays) {
  put(*open(kOld), "lost?");
  const fs::path file = fs::directory_iterator(options_.state_dir)->path() / "inbox.db";
  std::ofstream(file, std::ios::trunc) << std::string(20'000, 'x');
  EXPECT_EQ(open(kNew)->usage().messages, 0U);
  EXPECT_TRUE(log_.contains(
      "WARN : messages cannot be moved from the inbox of this Component's former url"))
      << log_.text();
  EXPECT_EQ(fs::file_size(file), 20'000U);
}

/// Two databases, and what a kill at some moment leaves of them.
class TransferTest : public ::testing::Test {
 protected:
  struct Pair {
    std::unique_ptr<sqlite::Database> from;
    std::unique_ptr<sqlite::Database> to;
  };
  Pair open(const std::string& name) const {
    Pair pair;
    bool corrupt = false;
    for (auto [database, file] :
         {std::pair(&pair.from, "-from.db"), std::pair(&pair.to, "-to.db")}) {
      *database = sqlite::Database::open(folder_.file(name + file), {}, &corrupt).value();
    }
    return pair;
  }
  /// Copies the files as they are now.
  Pair after_kill(const std::string& name) const {
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const std::string file = entry.path().filename();
      if (file.starts_with(name + "-")) {
        fs::copy_file(entry.path(), folder_.file("killed-" + file),
                      fs::copy_options::overwrite_existing);
      }
    }
    return open("killed-" + name);
  }
  testing::ScratchFolder folder_;
};

TEST_F(TransferTest, killed_between_copying_and_deleting_leaves_no_message_twice) {
  testing::CapturedLog log;
  {
    // Opening an inbox creates the tables.
    DurableInboxOptions options{
        .state_dir = folder_.file("state"), .identity = "x", .consumer_id = "c"};
    const auto inbox = open_durable_inbox(options, base::Log(log)).value();
    for (int i = 0; i < 10; ++i) {
      core::IncomingMessage message;
      message.topic = "t";
      message.qos = QoS::kAtLeastOnce;
      ASSERT_TRUE(inbox->append("q", message, false).ok());
    }
  }
  const fs::path made = fs::directory_iterator(folder_.file("state"))->path() / "inbox.db";
  fs::copy_file(made, folder_.file("x-from.db"));
  fs::copy_file(made, folder_.file("x-to.db"));
  Pair pair = open("x");
  ASSERT_TRUE(pair.to->execute("DELETE FROM messages").ok());
  // Deletes fail in the source, so the state after the copy is what a kill would leave.
  ASSERT_TRUE(pair.from
                  ->execute("CREATE TRIGGER no BEFORE DELETE ON messages BEGIN"
                            " SELECT RAISE(ABORT, 'killed'); END")
                  .ok());
  EXPECT_FALSE(Transfer(*pair.from, *pair.to).run(std::chrono::minutes(1), 3).ok());
  Pair killed = after_kill("x");
  ASSERT_EQ(killed.to->number("SELECT count(*) FROM messages").value(), 10);
  ASSERT_EQ(killed.from->number("SELECT count(*) FROM messages").value(), 10);
  ASSERT_TRUE(killed.from->execute("DROP TRIGGER no").ok());
  const auto result = Transfer(*killed.from, *killed.to).run(std::chrono::minutes(1), 3);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result.value().moved, 0U);
  EXPECT_EQ(killed.to->number("SELECT count(*) FROM messages").value(), 10);
  EXPECT_EQ(killed.from->number("SELECT count(*) FROM messages").value(), 0);
  EXPECT_EQ(killed.to->number("SELECT count(*) FROM counters WHERE name LIKE 'brought%'").value(),
            0)
      << "no note is left";
}

TEST(InboxOwner, is_read_as_it_was_written) {
  const testing::ScratchFolder folder;
  EXPECT_FALSE(read_owner(folder.path().string()));
  const InboxOwner owner{"a\\nb\nc=\\", "id\n", "tcp://x:1,tcp://y:2"};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(write_owner(folder.path().string(), owner).ok());
  const auto read = read_owner(folder.path().string());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->component, owner.component);
  EXPECT_EQ(read->consumer_id, owner.consumer_id);
  EXPECT_EQ(read->brokers, owner.brokers);
  std::ofstream(folder.file("owner")) << "component=x\nconsumerID";
  EXPECT_FALSE(read_owner(folder.path().string()));
}

TEST(InboxFolderName, shows_the_consumer_id_in_front_of_a_hash) {
  EXPECT_EQ(shown_part("orders-0123456789abcdef"), "orders");
  EXPECT_EQ(shown_part("orders-1-0123456789abcdef"), "orders-1");
  for (const char* other :
       {"", "orders", "-0123456789abcde", "orders_0123456789abcdef", "o-0123456789abcdeF"}) {
    EXPECT_EQ(shown_part(other), "") << other;
  }
}

}  // namespace
}  // namespace dapr_mqtt::storage
