#include "dapr_mqtt/subscribe/connection_plan.h"

#include <gmock/gmock.h>

#include "unit/subscribe/filter.h"

namespace dapr_mqtt::subscribe {
namespace {

TEST(ConnectionPlan, puts_filters_apart_from_one_another_on_one_connection) {
  ConnectionPlan plan;
  for (const char* text : {"a", "b", "c/+", "d/#", "$share/g/e"}) {
    EXPECT_EQ(plan.assign(filter(text)), 0U) << text;
  }
  EXPECT_EQ(plan.connections(), 1U);
}

TEST(ConnectionPlan, never_puts_overlapping_filters_on_one_connection) {
  ConnectionPlan plan;
  EXPECT_EQ(plan.assign(filter("a/#")), 0U);
  EXPECT_EQ(plan.assign(filter("a/b")), 1U);
  EXPECT_EQ(plan.assign(filter("a/+")), 2U);
  EXPECT_EQ(plan.assign(filter("c")), 0U);
  EXPECT_EQ(plan.assign(filter("$share/g/a/c")), 1U);  // a/c and a/b have nothing in common
  EXPECT_EQ(plan.assign(filter("a/#")), 0U);           // as before
}

TEST(ConnectionPlan, gives_the_place_of_a_removed_filter_to_the_next) {
  ConnectionPlan plan;
  plan.assign(filter("a/#"));
  EXPECT_EQ(plan.assign(filter("a/b")), 1U);
  plan.remove(filter("a/#"));
  EXPECT_EQ(plan.assign(filter("a/c")), 0U);
  EXPECT_EQ(plan.find(filter("a/#")), std::nullopt);
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
