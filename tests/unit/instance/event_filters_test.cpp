#include "instance/event_filters.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::instance {
namespace {

core::TopicFilter filter(const char* text) { return core::TopicFilter::parse(text).value(); }

TEST(EventFilters, are_those_of_which_a_stream_wants_events) {
  EventFilters filters;
  EXPECT_FALSE(filters.contains(filter("a")));
  filters.subscribed(filter("a"), true);
  filters.subscribed(filter("b"), false);
  EXPECT_TRUE(filters.contains(filter("a")));
  EXPECT_FALSE(filters.contains(filter("b")));
}

TEST(EventFilters, stay_when_another_stream_of_the_filter_wants_none) {
  EventFilters filters;
  filters.subscribed(filter("a"), true);
  filters.subscribed(filter("a"), false);
  EXPECT_TRUE(filters.contains(filter("a")));
}

TEST(EventFilters, go_with_their_subscription) {
  EventFilters filters;
  filters.subscribed(filter("a"), true);
  filters.ended(filter("a"));
  EXPECT_FALSE(filters.contains(filter("a")));
}

}  // namespace
}  // namespace dapr_mqtt::instance
