#include "dapr_mqtt/subscribe/lane.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::subscribe {
namespace {

TEST(Lane, is_taken_off_a_topic) {
  EXPECT_EQ(without_lane("$lane/1/devices/+/t").value(), "devices/+/t");
  EXPECT_EQ(without_lane("$lane/1000/$share/g/#").value(), "$share/g/#");
  EXPECT_EQ(without_lane("$lane/2//").value(), "/");
}

TEST(Lane, leaves_other_topics_alone) {
  for (const char* topic : {"a", "$lane", "lane/1/a", "$share/g/$lane/1/a", "$SYS/#", ""}) {
    EXPECT_EQ(without_lane(topic).value(), topic);
  }
}

TEST(Lane, is_a_number_with_a_topic_behind_it) {
  for (const char* topic : {"$lane/", "$lane/1", "$lane/1/", "$lane//a", "$lane/0/a", "$lane/x/a",
                            "$lane/1001/a", "$lane/-1/a"}) {
    const auto result = without_lane(topic);
    ASSERT_FALSE(result.ok()) << topic;
    EXPECT_THAT(result.status().message(), ::testing::HasSubstr("$lane/<number from 1 to 1000>/"));
  }
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
