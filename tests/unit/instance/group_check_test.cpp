#include "instance/group_check.h"

#include <gmock/gmock.h>

#include <optional>

#include "support/loopback_broker.h"
#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A log that notifies the test of each line.
class NotingLog final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel level, std::string_view, std::string_view message) override {
    lines.push({level, std::string(message)});
  }
  dapr_mqtt::testing::Channel<std::pair<base::LogLevel, std::string>> lines;
};

struct GroupCheckTest : ::testing::Test {
  GroupCheckTest() {
    connection.endpoints = {{core::Transport::kTcp, "one", 1883, ""},
                            {core::Transport::kTls, "two", 8883, ""}};
    connection.client_id = "app";
  }
  void grant(const std::string& filter, std::size_t endpoint = 0) {
    check.emplace(broker, log, "orders", connection);
    check->granted(core::TopicFilter::parse(filter).value(), endpoint);
  }
  /// The number of checks that have begun; waits until their thread has ended.
  int checks() {
    check.reset();
    return broker.consumers_made();
  }

  dapr_mqtt::testing::LoopbackBroker broker;
  NotingLog log;
  core::ConnectionOptions connection;
  std::optional<GroupCheck> check;
};

TEST_F(GroupCheckTest, warns_of_a_broker_that_takes_the_group_for_a_topic) {
  broker.ignore_shared();
  grant("$share/workers/jobs/+", 1);
  const auto line = log.lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->first, base::LogLevel::kWarn);
  EXPECT_THAT(line->second,
              AllOf(StartsWith("ssl://two:8883: "), HasSubstr("\"$share/workers/jobs/+\""),
                    HasSubstr("ordinary topic"), HasSubstr("consumerGroup"),
                    HasSubstr("docs/howto-brokers.md")));
}

TEST_F(GroupCheckTest, has_the_problem_for_readyz_and_checks_once) {
  broker.ignore_shared();
  grant("$share/workers/jobs/+");
  ASSERT_TRUE(log.lines.next());
  check->granted(core::TopicFilter::parse("$share/workers/more").value(), 0);
  EXPECT_THAT(check->problem().message(), HasSubstr("ordinary topic"));
  EXPECT_EQ(checks(), 1);
}

TEST_F(GroupCheckTest, says_no_more_than_debug_where_nothing_is_wrong_or_known) {
  grant("$share/workers/jobs");
  auto line = log.lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->first, base::LogLevel::kDebug);
  EXPECT_THAT(line->second, HasSubstr("no sign"));
  EXPECT_TRUE(check->problem().ok());

  broker.answer_connects_with(base::permission_denied("client ID refused"));
  grant("$share/workers/jobs");
  line = log.lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->first, base::LogLevel::kDebug);
  EXPECT_THAT(line->second, AllOf(HasSubstr("not known"), HasSubstr("client ID refused")));
}

TEST_F(GroupCheckTest, checks_nothing_without_a_group) {
  broker.ignore_shared();
  grant("jobs/+");
  EXPECT_EQ(checks(), 0);
}

TEST_F(GroupCheckTest, checks_nothing_with_mqtt5_whose_connack_says_it) {
  broker.ignore_shared();
  connection.protocol = core::ProtocolVersion::kMqtt5;
  grant("$share/workers/jobs");
  EXPECT_EQ(checks(), 0);
}

TEST_F(GroupCheckTest, checks_nothing_where_client_ids_are_given) {
  broker.ignore_shared();
  connection.publisher_client_id = "known";
  grant("$share/workers/jobs");
  EXPECT_EQ(checks(), 0);
}

TEST_F(GroupCheckTest, begins_nothing_once_stopped) {
  broker.ignore_shared();
  check.emplace(broker, log, "orders", connection);
  check->stop();
  check->granted(core::TopicFilter::parse("$share/workers/jobs").value(), 0);
  EXPECT_EQ(checks(), 0);
}

}  // namespace
}  // namespace dapr_mqtt::instance
