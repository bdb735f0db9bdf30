#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {
namespace {

using ::testing::HasSubstr;

base::Status refusal_of(std::string_view text) {
  const base::Status status = TopicName::parse(text).status();
  EXPECT_EQ(status.kind(), base::ErrorKind::kInvalidArgument);
  return status;
}

TEST(TopicName, Takes_every_topic_of_the_specification) {
  for (const char* text : {"a", "/", "//", "/a", "a/", "a//b", "a b", "$SYS/x",
                           "sport/tennis/player1", "gr\u00fc\u00dfe/\u4e16\u754c", "\x01"}) {
    const auto topic = TopicName::parse(text);
    ASSERT_TRUE(topic.ok()) << text;
    EXPECT_EQ(topic.value().str(), text);
  }
  EXPECT_TRUE(TopicName::parse(std::string(65'535, 't')).ok());
}

TEST(TopicName, Refuses_what_mqtt_cannot_publish_to_and_says_why) {
  EXPECT_THAT(refusal_of("").message(), HasSubstr("topic is empty"));
  EXPECT_THAT(refusal_of("a/+").message(), HasSubstr("wildcard"));
  EXPECT_THAT(refusal_of("a/b#").message(), HasSubstr("wildcard"));
  EXPECT_THAT(refusal_of(std::string_view("a\0b", 3)).message(), HasSubstr("NUL"));
  EXPECT_THAT(refusal_of("a\xFF").message(), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal_of("\xED\xA0\x80").message(), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal_of(std::string(65'536, 't')).message(),
              HasSubstr("65536 bytes; MQTT allows 65535"));
}

TEST(TopicName, Shows_a_refused_text_escaped_and_cut) {
  EXPECT_THAT(refusal_of("a\n#").message(), HasSubstr("\"a\\n#\""));
  EXPECT_LT(refusal_of(std::string(100'000, 't')).message().size(), 300U);
}

}  // namespace
}  // namespace dapr_mqtt::core
