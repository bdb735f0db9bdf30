#include "instance/ready_report.h"

#include <gmock/gmock.h>

#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

core::TopicFilter filter(const std::string& text) { return core::TopicFilter::parse(text).value(); }

core::ConnectionOptions options() {
  core::ConnectionOptions out;
  out.endpoints = {{core::Transport::kTls, "broker", 8883, ""}};
  out.client_id = "orders";
  out.clean_session = false;
  return out;
}

struct ReadyReportTest : ::testing::Test {
  void subscribe(const std::string& text) {
    report.begins(filter(text));
    report.settled();
  }
  void pass() { executor.advance(std::chrono::seconds(1)); }

  testing::ManualExecutor executor;
  testing::CapturedLog log;
  ReadyReport report{executor, base::Log(log), options()};
};

TEST_F(ReadyReportTest, is_one_line_for_subscriptions_that_come_one_after_the_other) {
  for (const char* topic : {"b", "a/#", "c"}) subscribe(topic);
  EXPECT_THAT(log.lines(), IsEmpty());
  pass();
  EXPECT_THAT(log.lines(), ElementsAre("INFO : ready: receives \"a/#\", \"b\", \"c\" from "
                                       "ssl://broker:8883, MQTT 3.1.1, persistent session of "
                                       "\"orders\""));
}

TEST_F(ReadyReportTest, waits_for_the_last_answer_and_for_the_connection) {
  report.begins(filter("a"));
  report.begins(filter("b"));
  report.settled();
  pass();
  EXPECT_THAT(log.lines(), IsEmpty());
  report.healthy(false);
  report.settled();
  pass();
  EXPECT_THAT(log.lines(), IsEmpty());
  report.healthy(true);
  pass();
  EXPECT_EQ(log.lines().size(), 1U);
}

TEST_F(ReadyReportTest, is_silent_when_a_connection_comes_back_with_the_same_topics) {
  subscribe("a");
  pass();
  report.healthy(false);
  report.healthy(true);
  pass();
  EXPECT_EQ(log.lines().size(), 1U);
  subscribe("b");
  pass();
  EXPECT_EQ(log.lines().size(), 2U);
}

TEST_F(ReadyReportTest, names_so_many_topics_and_counts_the_others) {
  for (int i = 10; i < 30; ++i) subscribe("t/" + std::to_string(i));
  pass();
  EXPECT_THAT(log.text(), HasSubstr("\"t/19\" and 10 more from"));
}

}  // namespace
}  // namespace dapr_mqtt::instance
