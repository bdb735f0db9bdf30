#include "dapr_mqtt/subscribe/subscribe_options.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::subscribe {
namespace {

constexpr SubscribeDefaults kDefaults{core::QoS::kAtLeastOnce, core::ProtocolVersion::kMqtt311};
constexpr SubscribeDefaults kMqtt5{core::QoS::kAtLeastOnce, core::ProtocolVersion::kMqtt5};

TEST(SubscribeOptions, take_the_components_qos_when_they_name_none) {
  const auto request = parse_subscribe_options({{"rawPayload", "true"}}, kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kAtLeastOnce);
  EXPECT_FALSE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, follow_metadata_with_keys_in_any_case) {
  const auto request = parse_subscribe_options({{"QOS", "2"}, {"unsubscribeOnClose", "true"}},
                                               kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, name_every_wrong_value_and_what_is_allowed) {
  const auto request =
      parse_subscribe_options({{"qos", "high"}, {"unsubscribeOnClose", "x"}}, kDefaults);
  ASSERT_FALSE(request.ok());
  EXPECT_THAT(request.status().message(), ::testing::HasSubstr("\"high\" is not one of 0, 1, 2"));
  EXPECT_THAT(request.status().message(), ::testing::HasSubstr("\"x\" is not true or false"));
}

TEST(SubscribeOptions, have_those_of_mqtt5) {
  const auto request = parse_subscribe_options(
      {{"noLocal", "true"}, {"RetainAsPublished", "1"}, {"retainhandling", "2"}}, kMqtt5);
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(request.value().options.no_local);
  EXPECT_TRUE(request.value().options.retain_as_published);
  EXPECT_EQ(request.value().options.retain_handling, 2);
  EXPECT_EQ(request.value().ignored, "");
  EXPECT_THAT(parse_subscribe_options({{"retainHandling", "3"}}, kMqtt5).status().message(),
              ::testing::HasSubstr("\"3\" is not one of 0, 1, 2"));
}

TEST(SubscribeOptions, name_those_of_mqtt5_as_ignored_with_mqtt_3_1_1) {
  const auto request =
      parse_subscribe_options({{"noLocal", "true"}, {"retainHandling", "9"}}, kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request.value().options.no_local);
  EXPECT_EQ(request.value().ignored, "\"noLocal\", \"retainHandling\"");
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
