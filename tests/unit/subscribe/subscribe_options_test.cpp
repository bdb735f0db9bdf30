#include "dapr_mqtt/subscribe/subscribe_options.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::subscribe {
namespace {

TEST(SubscribeOptions, take_the_components_qos_when_they_name_none) {
  const auto request = parse_subscribe_options({{"rawPayload", "true"}}, core::QoS::kAtLeastOnce);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kAtLeastOnce);
  EXPECT_FALSE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, follow_metadata_with_keys_in_any_case) {
  const auto request = parse_subscribe_options({{"QOS", "2"}, {"unsubscribeOnClose", "true"}},
                                               core::QoS::kAtMostOnce);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, name_every_wrong_value_and_what_is_allowed) {
  const auto request =
      parse_subscribe_options({{"qos", "high"}, {"unsubscribeOnClose", "x"}}, core::QoS::kAtMostOnce);
  ASSERT_FALSE(request.ok());
  EXPECT_THAT(request.status().message(), ::testing::HasSubstr("\"high\" is not one of 0, 1, 2"));
  EXPECT_THAT(request.status().message(), ::testing::HasSubstr("\"x\" is not true or false"));
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
