#include "dapr_mqtt/base/repeat_filter.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::base {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(RepeatFilter, Repeats_are_counted_and_told_once_a_minute) {
  RepeatFilter filter;
  EXPECT_EQ(filter.pass("refused", "line", kStart), "line");
  EXPECT_FALSE(filter.pass("refused", "line", kStart + std::chrono::seconds(10)));
  EXPECT_FALSE(filter.pass("refused", "line", kStart + std::chrono::seconds(20)));
  const auto later = filter.pass("refused", "line", kStart + std::chrono::seconds(70));
  ASSERT_TRUE(later);
  EXPECT_NE(later->find("2 more times"), std::string::npos);
}

TEST(RepeatFilter, The_first_few_of_a_minute_pass_where_that_is_wanted) {
  RepeatFilter filter(2);
  EXPECT_EQ(filter.pass("refused", "1", kStart), "1");
  EXPECT_EQ(filter.pass("refused", "2", kStart + std::chrono::seconds(10)), "2");
  EXPECT_FALSE(filter.pass("refused", "3", kStart + std::chrono::seconds(59)));
  const auto later = filter.pass("refused", "4", kStart + std::chrono::seconds(60));
  ASSERT_TRUE(later);
  EXPECT_EQ(*later, "4 (1 more times since the last line about it)");
  EXPECT_EQ(filter.pass("refused", "5", kStart + std::chrono::seconds(61)), "5");
  EXPECT_FALSE(filter.pass("refused", "6", kStart + std::chrono::seconds(62)));
}

TEST(RepeatFilter, Another_cause_passes_at_once) {
  RepeatFilter filter;
  filter.pass("refused", "line", kStart);
  EXPECT_EQ(filter.pass("timed out", "other", kStart), "other");
}

TEST(RepeatFilter, Same_cause_passes_after_a_reset) {
  RepeatFilter filter;
  filter.pass("refused", "line", kStart);
  filter.reset();
  EXPECT_EQ(filter.pass("refused", "line", kStart), "line");
}

}  // namespace
}  // namespace dapr_mqtt::base
