// Rows that another program or a bad disk has changed: their undamaged values are used, and other
// rows are not lost.
#include <gmock/gmock.h>

#include "storage/properties_codec.h"
#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

using core::InboxId;
using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr base::ClockReading kClocks{base::WallTime(hours(500'000)), base::WallTime(hours(500'001)),
                                     hours(3), 7};
constexpr milliseconds kLongestWait = hours(1);
constexpr const char* kFarthest[] = {"9223372036854775807", "-9223372036854775808"};

class DamagedRows : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteInbox> open() {
    SqliteInboxOptions options;
    options.clocks = [] { return kClocks; };
    options.longest_wait = kLongestWait;
    auto inbox = SqliteInbox::open(path_, options, base::Log(log_));
    EXPECT_TRUE(inbox.ok()) << inbox.status().message();
    return std::move(inbox).value();
  }
  static InboxId put(SqliteInbox& inbox, std::string payload, std::string_view queue = "q") {
    core::IncomingMessage message;
    message.topic = "t/1";
    message.payload = std::move(payload);
    message.qos = core::QoS::kAtLeastOnce;
    message.received = kClocks.wall;
    auto properties = std::make_shared<core::MessageProperties>();
    properties->expiry = hours(1);
    message.properties = std::move(properties);
    const InboxId id = inbox.append(queue, std::move(message), false).value().id;
    EXPECT_TRUE(inbox.commit().ok());
    return id;
  }
  /// Writes messages as an earlier process would leave them.
  void leave(const std::vector<std::string>& payloads) {
    const auto inbox = open();
    for (const std::string& payload : payloads) put(*inbox, payload);
  }
  void change(const std::string& sql) const {
    bool corrupt = false;
    const auto database = sqlite::Database::open(path_, {}, &corrupt).value();
    const base::Status status = database->execute(sql.c_str());
    EXPECT_TRUE(status.ok()) << status.message();
  }
  static std::vector<std::string> take_all(SqliteInbox& inbox, std::string_view queue = "q") {
    std::vector<std::string> payloads;
    while (auto entry = inbox.take(queue, kClocks.steady + kLongestWait, kReady)) {
      payloads.push_back(entry->message->payload);
      inbox.settle(entry->id);
    }
    return payloads;
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
  const std::string path_ = folder_.file("inbox.db");
};

TEST_F(DamagedRows, time_far_from_any_neither_overflows_nor_costs_the_message) {
  for (const char* column : {"received", "due"}) {
    for (const char* time : kFarthest) {
      SCOPED_TRACE(std::string(column) + " = " + time);
      leave({"one"});
      change("UPDATE messages SET " + std::string(column) + " = " + time);
      const auto inbox = open();
      EXPECT_LE(inbox->oldest_received().value(), kClocks.steady);
      EXPECT_LE(inbox->next_due("q", kReady).value(), kClocks.steady + kLongestWait);
      const auto entry = inbox->take("q", kClocks.steady + kLongestWait, kReady);
      ASSERT_TRUE(entry);
      EXPECT_EQ(entry->message->payload, "one");
      // 292 years from 1970: the limit of 64-bit nanoseconds.
      EXPECT_LT(std::chrono::abs(entry->message->received.time_since_epoch()), hours(292 * 8760));
      EXPECT_EQ(*entry->message->expires_at() - entry->message->arrival(), hours(1));
      inbox->settle(entry->id);
    }
  }
}

TEST_F(DamagedRows, expiry_far_from_any_neither_overflows_nor_costs_the_message) {
  core::MessageProperties properties;
  properties.expiry = std::chrono::seconds(1);
  for (const milliseconds time : {milliseconds::max(), milliseconds::min()}) {
    leave({"one"});
    {
      bool corrupt = false;
      const auto database = sqlite::Database::open(path_, {}, &corrupt).value();
      const std::string bytes = encode_properties(properties, time);
      auto update = database->prepare("UPDATE messages SET properties = ?1").value();
      ASSERT_TRUE(update.bind_blob(1, bytes).run().ok());
    }
    const auto inbox = open();
    const auto entry = inbox->take("q", kClocks.steady, kReady);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->message->payload, "one");
    EXPECT_EQ(*entry->message->expires_at() - entry->message->arrival(), std::chrono::seconds(1));
    EXPECT_GT(std::chrono::abs(entry->message->arrival() - kClocks.wall), hours(200 * 8760));
    inbox->settle(entry->id);
  }
}

TEST_F(DamagedRows, clock_note_that_no_process_wrote_counts_as_none) {
  for (const char* name : {"clock ahead of boot", "clock wall ahead", "clock last"}) {
    for (const std::string time : kFarthest) {
      SCOPED_TRACE(name + (" = " + time));
      leave({"one"});
      change("UPDATE counters SET value = " + time + " WHERE name = '" + name + "'");
      const auto inbox = open();
      const auto entry = inbox->take("q", kClocks.steady, kReady);
      ASSERT_TRUE(entry);
      EXPECT_EQ(entry->message->arrival(), kClocks.wall);
      inbox->settle(entry->id);
    }
  }
}

TEST_F(DamagedRows, new_message_takes_no_number_of_another_whatever_the_counter_says) {
  for (const char* damage :
       {"DELETE FROM counters WHERE name = 'ids'",
        "UPDATE counters SET value = 'x' WHERE name = 'ids'",
        "UPDATE counters SET value = -5 WHERE name = 'ids'",
        "UPDATE counters SET value = 9223372036854775807 WHERE name = 'ids'"}) {
    SCOPED_TRACE(damage);
    leave({"one", "two"});
    change(damage);
    for (const char* payload : {"three", "four"}) put(*open(), payload);
    const auto inbox = open();
    EXPECT_THAT(take_all(*inbox), ElementsAre("one", "two", "three", "four"));
    EXPECT_LT(inbox->last_id(), 1'000'000U);
  }
}

TEST_F(DamagedRows, message_with_a_number_that_no_process_gave_comes_after_the_others) {
  for (const std::string number : {"0", "-1", kFarthest[0], kFarthest[1]}) {
    SCOPED_TRACE(number);
    leave({"damaged", "sound"});
    change("UPDATE messages SET id = " + number +
           ", queue = '' WHERE payload = CAST('damaged' AS BLOB)");
    auto inbox = open();
    EXPECT_TRUE(log_.contains("1 message(s) in")) << log_.text();
    EXPECT_EQ(inbox->claim(core::TopicFilter::parse("q").value()), 0U);
    EXPECT_EQ(inbox->claim(core::TopicFilter::parse("t/#").value()), 1U);
    put(*inbox, "new", "t/#");
    inbox.reset();
    inbox = open();
    EXPECT_THAT(take_all(*inbox), ElementsAre("sound"));
    EXPECT_THAT(take_all(*inbox, "t/#"), ElementsAre("damaged", "new"));
  }
}

TEST_F(DamagedRows, count_of_failures_that_is_none_begins_anew) {
  for (const char* failures : {"-1", "4294967295", "4294967296"}) {
    SCOPED_TRACE(failures);
    leave({"one"});
    change("UPDATE messages SET full_size = -1, failures = " + std::string(failures));
    const auto inbox = open();
    const auto entry = inbox->take("q", kClocks.steady, kReady);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->failures, 0U);
    EXPECT_EQ(entry->message->full_size, 0U) << "it is whole";
    inbox->settle(entry->id);
  }
}

TEST_F(DamagedRows, session_rows_that_no_process_wrote_do_not_count) {
  open().reset();
  // Connection and packet identifier; (9 << 16) + 7 is valid.
  change(
      "INSERT INTO packets VALUES(-1), (65536000 + 7), (65536), (589831), (9223372036854775807)");
  change(
      "INSERT INTO subscriptions VALUES(1, 't/#'), (1000, 't/1'), (-1, 't/2'),"
      " (9223372036854775807, 't/3'), (2, ''), (2, 't/#/x'), ('x', x'ff')");
  const auto inbox = open();
  EXPECT_TRUE(log_.contains("row(s) of the MQTT session in")) << log_.text();
  EXPECT_THAT(inbox->session().packets(9).ids(), ElementsAre(7));
  EXPECT_THAT(inbox->session().packets(1).ids(), IsEmpty());
  std::vector<std::string> filters;
  for (const auto& [connection, filter] : inbox->session().subscriptions()) {
    EXPECT_EQ(connection, 1U);
    filters.push_back(filter.str());
  }
  EXPECT_THAT(filters, UnorderedElementsAre("t/#"));
}

}  // namespace
}  // namespace dapr_mqtt::storage
