#include "dapr_mqtt/core/topic_pattern.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TopicPattern pattern(std::string_view text) {
  auto parsed = TopicPattern::parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return std::move(parsed).value();
}

TEST(TopicPattern, reads_fields_out_of_topics) {
  const TopicPattern devices = pattern("devices/{device}/{measure}");
  EXPECT_THAT(devices.match("devices/7/temperature"),
              ElementsAre(Pair("device", "7"), Pair("measure", "temperature")));
  EXPECT_THAT(devices.match("devices//"), ElementsAre(Pair("device", ""), Pair("measure", "")));
  for (const char* topic : {"devices/7", "devices/7/t/x", "device/7/t", "", "devices/7/t/"}) {
    EXPECT_THAT(devices.match(topic), IsEmpty()) << topic;
  }
}

TEST(TopicPattern, skips_levels) {
  EXPECT_THAT(pattern("+/{a}/#").match("x/1/y/z"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(pattern("+/{a}/#").match("x/1"), ElementsAre(Pair("a", "1"))) << "as filters do";
  EXPECT_THAT(pattern("/{a}").match("/1"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(pattern("+/{a}/#").match("x"), IsEmpty());
}

TEST(TopicPattern, says_what_is_wrong) {
  const std::pair<const char*, const char*> cases[] = {{"", "no {name}"},
                                                       {"a/b", "no {name}"},
                                                       {"{a}/#/b", "# is not at the end"},
                                                       {"{a}/{a}", "comes twice"},
                                                       {"{A}", "letters a-z"},
                                                       {"{a-b}", "letters a-z"},
                                                       {"{}", "letters a-z"},
                                                       {"{id}", "a meaning"},
                                                       {"{subject}", "a meaning"},
                                                       {"{mqttx}", "a meaning"},
                                                       {"{propx}", "a meaning"},
                                                       {"{traceparent}", "a meaning"},
                                                       {"x{a}/{b}", "neither"},
                                                       {"{a}/b+", "neither"},
                                                       {"{a", "neither"},
                                                       {"{abcdefghijklmnopqrstu}", "1 to 20"},
                                                       {"{datacontenttype}", "a meaning"}};
  for (const auto& [text, why] : cases) {
    const auto parsed = TopicPattern::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr(why)) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::core
