#include "delivery/intake_reports.h"

#include <gtest/gtest.h>

#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::seconds;

struct IntakeReportsTest : ::testing::Test {
  testing::ManualExecutor time;
  testing::CapturedLog log;
  std::optional<IntakeReports> reports{std::in_place,
                                       core::InboxLimits{.max_messages = 100, .max_bytes = 5000},
                                       time, base::Log(log, "pubsub")};
};

TEST_F(IntakeReportsTest, first_of_a_kind_is_written_at_once) {
  reports->too_large("a/b", 5'000'000, false);
  reports->not_stored("a/#", base::unavailable("disk gone"));
  reports->dropped({{"a/#", 1, 0}});
  ASSERT_EQ(log.lines().size(), 3U);
  EXPECT_TRUE(
      log.contains("WARN pubsub: dropped a message on topic \"a/b\": its payload of "
                   "5000000 bytes is more than Dapr takes (4194240)"));
  EXPECT_TRUE(
      log.contains("ERROR pubsub: a message of filter \"a/#\" could not be stored: disk gone"));
  EXPECT_TRUE(
      log.contains("WARN pubsub: the inbox is full (100 messages or 5000 bytes): dropped "
                   "the oldest 1 message of filter \"a/#\""));
}

TEST_F(IntakeReportsTest, flood_gives_one_line_each_half_minute) {
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 100; ++i) reports->too_large("t", 10, false);
    time.advance(seconds(1));
  }
  EXPECT_EQ(log.lines().size(), 2U);
  EXPECT_TRUE(log.contains("(and 2999 more in the last 30 s)"));
}

TEST_F(IntakeReportsTest, drops_are_summed_by_filter) {
  reports->dropped({{"a", 1, 0}});
  time.advance(seconds(10));
  reports->dropped({{"a", 2, 2}, {"b", 1, 0}});
  reports->dropped({{"", 3, 0}});
  EXPECT_EQ(log.lines().size(), 1U);
  time.advance(seconds(30));
  reports->dropped({{"a", 5, 0}});
  EXPECT_TRUE(
      log.contains("dropped the oldest 3 messages of no subscription, 7 messages of filter "
                   "\"a\", 1 message of filter \"b\", within 40 s"))
      << log.text();
}

TEST_F(IntakeReportsTest, lines_name_few_filters_and_count_the_rest) {
  reports->dropped({{"first", 1, 0}});
  for (int i = 0; i < 1000; ++i) reports->dropped({{"f" + std::to_string(i), 1, 0}});
  reports.reset();
  ASSERT_EQ(log.lines().size(), 2U);
  EXPECT_LT(log.lines()[1].size(), 600U);
  EXPECT_TRUE(log.contains("992 of others"));
}

TEST_F(IntakeReportsTest, what_has_gathered_is_written_at_the_end) {
  reports->dropped({{"a", 1, 0}});
  reports->dropped({{"a", 41, 0}});
  reports.reset();
  EXPECT_TRUE(log.contains("dropped the oldest 41 messages of filter \"a\""));
}

TEST_F(IntakeReportsTest, foreign_names_cannot_forge_a_line) {
  reports->too_large("a\nERROR fake", 10, true);
  reports->dropped({{"b\nERROR fake", 1, 0}});
  for (const auto& line : log.lines()) EXPECT_EQ(line.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
