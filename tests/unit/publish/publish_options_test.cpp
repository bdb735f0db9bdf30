#include "dapr_mqtt/publish/publish_options.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::publish {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr PublishDefaults kDefaults{core::QoS::kAtLeastOnce, false};

TEST(PublishOptions, are_the_components_when_metadata_names_none) {
  const auto options =
      parse_publish_options({{"rawPayload", "true"}, {"traceparent", "00-1"}}, kDefaults);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().qos, core::QoS::kAtLeastOnce);
  EXPECT_FALSE(options.value().retain);
}

TEST(PublishOptions, follow_metadata_with_keys_in_any_case) {
  const auto options = parse_publish_options({{"QoS", "2"}, {"RETAIN", "Yes"}}, kDefaults);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(options.value().retain);
}

TEST(PublishOptions, name_every_wrong_value_and_what_is_allowed) {
  const auto options = parse_publish_options({{"qos", "3"}, {"retain", "maybe"}}, kDefaults);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().kind(), base::ErrorKind::kInvalidArgument);
  EXPECT_THAT(options.status().message(),
              AllOf(HasSubstr("\"qos\": \"3\" is not one of 0, 1, 2"),
                    HasSubstr("\"retain\": \"maybe\" is not true or false")));
}

TEST(PublishOptions, ignore_blank_values) {
  EXPECT_TRUE(parse_publish_options({{"qos", " "}}, kDefaults).ok());
}

}  // namespace
}  // namespace dapr_mqtt::publish
