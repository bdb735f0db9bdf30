#include "dapr_mqtt/subscribe/subscribe_options.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::subscribe {
namespace {

const SubscribeDefaults kDefaults{core::QoS::kAtLeastOnce, core::ProtocolVersion::kMqtt311};
const SubscribeDefaults kMqtt5{core::QoS::kAtLeastOnce, core::ProtocolVersion::kMqtt5};

TEST(SubscribeOptions, take_the_components_qos_when_they_name_none) {
  const auto request = parse_subscribe_options({{"rawPayload", "true"}}, kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kAtLeastOnce);
  EXPECT_FALSE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, follow_metadata_with_keys_in_any_case) {
  const auto request =
      parse_subscribe_options({{"QOS", "2"}, {"unsubscribeOnClose", "true"}}, kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(request.value().unsubscribe_on_close);
}

TEST(SubscribeOptions, take_values_in_the_quotes_of_Daprs_SDK_for_JavaScript) {
  const auto request = parse_subscribe_options(
      {{"qos", "\"2\""}, {"unsubscribeOnClose", "\"true\""}, {"noLocal", "\"\""}}, kDefaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().options.qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(request.value().unsubscribe_on_close);
  EXPECT_FALSE(parse_subscribe_options({{"qos", "\""}}, kDefaults).ok());
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

constexpr core::CloudEventsMode kAuto = core::CloudEventsMode::kAuto;

TEST(SubscribeOptions, take_the_components_word_on_CloudEvents_when_they_say_nothing) {
  SubscribeDefaults defaults = kDefaults;
  defaults.cloud_events = kAuto;
  defaults.cloud_event_type = "reading";
  const auto request = parse_subscribe_options({}, defaults);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().events.mode, kAuto);
  EXPECT_EQ(request.value().events.type, "reading");
  EXPECT_FALSE(request.value().events.raw_payload);
  EXPECT_FALSE(request.value().events.real_topic_name);
}

TEST(SubscribeOptions, say_what_becomes_of_payloads) {
  const auto request = parse_subscribe_options({{"CloudEvents", "wrap"},
                                                {"cloudEventType", "com.example"},
                                                {"topicPattern", "a/{b}"},
                                                {"topicName", "real"}},
                                               kDefaults);
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request.value().events.mode, core::CloudEventsMode::kWrap);
  EXPECT_EQ(request.value().events.type, "com.example");
  EXPECT_TRUE(request.value().events.topic_pattern);
  EXPECT_TRUE(request.value().events.real_topic_name);
  EXPECT_THAT(request.value().warnings, ::testing::IsEmpty());
  const auto wrong = parse_subscribe_options(
      {{"cloudEvents", "yes"}, {"topicPattern", "a/{B}"}, {"topicName", "x"}}, kDefaults);
  EXPECT_THAT(wrong.status().message(),
              ::testing::HasSubstr("\"yes\" is not one of auto, wrap, pass"));
  EXPECT_THAT(wrong.status().message(), ::testing::HasSubstr("letters a-z"));
  EXPECT_THAT(wrong.status().message(), ::testing::HasSubstr("\"x\" is not one of filter, real"));
}

TEST(SubscribeOptions, know_rawPayload_in_daprds_spelling_alone) {
  const auto raw = parse_subscribe_options({{"rawPayload", "true"}}, kDefaults);
  EXPECT_TRUE(raw.value().events.raw_payload);
  EXPECT_THAT(raw.value().warnings, ::testing::IsEmpty());
  for (const char* key : {"rawpayload", "enableRawPayload", "isRawPayload"}) {
    const auto other = parse_subscribe_options({{key, "true"}}, kDefaults);
    EXPECT_FALSE(other.value().events.raw_payload) << key;
    EXPECT_THAT(other.value().warnings,
                ::testing::ElementsAre(::testing::HasSubstr("daprd knows it as rawPayload alone")));
  }
}

TEST(SubscribeOptions, warn_of_what_is_without_effect) {
  EXPECT_THAT(parse_subscribe_options({{"rawPayload", "true"}, {"cloudEvents", "auto"}}, kDefaults)
                  .value()
                  .warnings,
              ::testing::ElementsAre(::testing::HasSubstr("cloudEvents: without effect")));
  EXPECT_THAT(parse_subscribe_options({{"topicPattern", "{a}"}}, kDefaults).value().warnings,
              ::testing::ElementsAre(::testing::HasSubstr("since cloudEvents is pass")));
}

TEST(SubscribeOptions, take_the_components_order_or_say_their_own) {
  SubscribeDefaults defaults = kMqtt5;
  defaults.order = {core::ConcurrencyMode::kOrdered, core::OrderKey::parse("segment:2").value()};
  EXPECT_EQ(parse_subscribe_options({}, defaults).value().order, defaults.order);
  const auto own = parse_subscribe_options(
      {{"ConcurrencyMode", "Ordered"}, {"orderBy", "property:device"}}, kMqtt5);
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own.value().order.mode, core::ConcurrencyMode::kOrdered);
  EXPECT_EQ(own.value().order.key, core::OrderKey::parse("property:device"));
  EXPECT_TRUE(own.value().warnings.empty());
  EXPECT_EQ(parse_subscribe_options({{"concurrencyMode", "single"}}, defaults).value().order.mode,
            core::ConcurrencyMode::kSingle);
  const auto wrong =
      parse_subscribe_options({{"concurrencyMode", "some"}, {"orderBy", "segment:0"}}, kMqtt5);
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.status().message(),
              ::testing::HasSubstr("\"some\" is not one of parallel, single, ordered"));
  EXPECT_THAT(wrong.status().message(),
              ::testing::HasSubstr("\"segment:0\" is not topic, segment:<n>"));
}

TEST(SubscribeOptions, warn_of_keys_that_are_probably_slips) {
  const auto slips = parse_subscribe_options(
      {{"concurencyMode", "single"}, {"topicPatern", "{a}"}, {"maxMessagesCount", "100"}},
      kDefaults);
  ASSERT_TRUE(slips.ok());
  EXPECT_THAT(slips.value().warnings,
              ::testing::ElementsAre(::testing::HasSubstr("did you mean concurrencyMode?"),
                                     ::testing::HasSubstr("did you mean topicPattern?")));
  core::Metadata many;
  for (int i = 0; i < 1000; ++i) many["retainHandlin" + std::to_string(i)] = "1";
  EXPECT_EQ(parse_subscribe_options(many, kDefaults).value().warnings.size(), 20U);
}

TEST(SubscribeOptions, warn_of_an_order_without_effect) {
  const auto no_mode = parse_subscribe_options({{"orderBy", "topic"}}, kDefaults);
  ASSERT_EQ(no_mode.value().warnings.size(), 1U);
  EXPECT_THAT(no_mode.value().warnings[0], ::testing::HasSubstr("concurrencyMode is not ordered"));
  const auto no_properties = parse_subscribe_options(
      {{"concurrencyMode", "ordered"}, {"orderBy", "property:device"}}, kDefaults);
  ASSERT_EQ(no_properties.value().warnings.size(), 1U);
  EXPECT_THAT(no_properties.value().warnings[0], ::testing::HasSubstr("only protocolVersion 5"));
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
