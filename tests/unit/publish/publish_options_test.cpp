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

TEST(PublishOptions, list_the_keys_that_mean_nothing) {
  const auto unknown = [](core::Metadata metadata) {
    return parse_publish_options(metadata, kDefaults).value().unknown_keys;
  };
  EXPECT_THAT(unknown({{"retian", "true"}, {"QOS", "1"}, {"partitionKey", "7"}}),
              ::testing::UnorderedElementsAre("retian", "partitionKey"));
  // Known keys, although they need MQTT 5.
  EXPECT_TRUE(
      unknown({{"ttlInSeconds", "1"}, {"mqtt-property-a", "b"}, {"rawPayload", "true"}}).empty());
  // A received message that daprd publishes to a dead-letter topic.
  EXPECT_TRUE(unknown({{"mqtt-attempt", "1"}, {"retained", "true"}}).empty());
}

TEST(PublishOptions, ignore_blank_values) {
  EXPECT_TRUE(parse_publish_options({{"qos", " "}}, kDefaults).ok());
}

TEST(PublishOptions, say_what_is_sent_of_an_event) {
  PublishDefaults defaults = kDefaults;
  EXPECT_EQ(parse_publish_options({}, defaults).value().payload, core::PublishPayload::kEvent);
  defaults.payload = core::PublishPayload::kData;
  EXPECT_EQ(parse_publish_options({}, defaults).value().payload, core::PublishPayload::kData);
  EXPECT_EQ(parse_publish_options({{"PublishPayload", "event"}}, defaults).value().payload,
            core::PublishPayload::kEvent);
  EXPECT_TRUE(parse_publish_options({{"rawPayload", "true"}}, defaults).value().raw_payload);
  EXPECT_THAT(parse_publish_options({{"publishPayload", "raw"}}, defaults).status().message(),
              HasSubstr("\"raw\" is not one of event, data"));
}

TEST(PublishOptions, know_the_content_modes_of_CloudEvents) {
  PublishDefaults defaults{core::QoS::kAtMostOnce, false, core::ProtocolVersion::kMqtt5};
  EXPECT_EQ(parse_publish_options({{"cloudEvents", "binary"}}, defaults).value().payload,
            core::PublishPayload::kData);
  EXPECT_EQ(parse_publish_options({{"cloudEvents", "structured"}}, defaults).value().payload,
            core::PublishPayload::kEvent);
  EXPECT_FALSE(parse_publish_options({{"cloudEvents", "auto"}}, defaults).ok());
  EXPECT_THAT(parse_publish_options({{"cloudEvents", "binary"}}, kDefaults).status().message(),
              HasSubstr("needs protocolVersion 5"));
}

}  // namespace
}  // namespace dapr_mqtt::publish
