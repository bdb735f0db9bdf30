#include "mqtt/properties.h"

#include <gtest/gtest.h>

#include <vector>

#include "mqtt/broker_limits.h"
#include "mqtt/paho_library.h"

namespace dapr_mqtt::mqtt {
namespace {

/// Paho's heap is ready once there was a client.
struct Properties : ::testing::Test {
  Properties() { PahoLibrary::instance(); }
};
struct BrokerLimitsTest : Properties {};

core::MessageProperties full() {
  core::MessageProperties properties;
  properties.content_type = "text/plain";
  properties.response_topic = "a/b";
  properties.correlation_data = std::string("\0\xFF", 2);
  properties.user_properties = {{"k", "1"}, {"k", "2"}, {"", ""}};
  properties.expiry = std::chrono::seconds(7);
  return properties;
}

TEST_F(Properties, Go_to_paho_and_back_unchanged) {
  const core::MessageProperties before = full();
  PropertyList list;
  add_message_properties(before, list);
  const auto after = message_properties(list.raw());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->content_type, before.content_type);
  EXPECT_EQ(after->response_topic, before.response_topic);
  EXPECT_EQ(after->correlation_data, before.correlation_data);
  EXPECT_EQ(after->user_properties, before.user_properties);
  EXPECT_EQ(after->expiry, before.expiry);
}

TEST_F(Properties, Encoded_size_is_the_one_that_paho_sends) {
  std::vector<core::MessageProperties> cases = {{}, full()};
  for (const std::size_t size : {100U, 120U, 121U, 122U, 123U, 16'000U, 16'376U, 16'377U, 16'400U}) {
    core::MessageProperties one;
    one.user_properties = {{"n", std::string(size, 'v')}};
    cases.push_back(one);
  }
  core::MessageProperties many;
  for (int i = 0; i < 40; ++i) many.user_properties.emplace_back("n", std::string(60'000, 'v'));
  cases.push_back(many);
  for (const core::MessageProperties& properties : cases) {
    PropertyList list;
    add_message_properties(properties, list);
    const std::size_t length = static_cast<std::size_t>(list.raw().length);
    const std::size_t digits = length < 128 ? 1 : length < 16'384 ? 2 : length < 2'097'152 ? 3 : 4;
    EXPECT_EQ(encoded_size(&properties), digits + length);
  }
  EXPECT_EQ(encoded_size(nullptr), 1U);
}

TEST_F(Properties, None_is_null) {
  PropertyList list;
  EXPECT_EQ(message_properties(list.raw()), nullptr);
  list.add_number(MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, 1);
  EXPECT_EQ(message_properties(list.raw()), nullptr);
}

TEST_F(BrokerLimitsTest, Are_the_protocols_defaults_when_connack_says_nothing) {
  PropertyList list;
  const BrokerLimits limits = limits_in_connack(list.raw());
  EXPECT_EQ(limits.receive_maximum, 65'535U);
  EXPECT_EQ(limits.maximum_packet_size, 268'435'460U);
  EXPECT_EQ(limits.maximum_qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(limits.retain_available);
  EXPECT_TRUE(limits.wildcards_available);
  EXPECT_TRUE(limits.shared_available);
  EXPECT_TRUE(limits.subscription_ids_available);
  EXPECT_EQ(limits.topic_alias_maximum, 0U);
  EXPECT_FALSE(limits.server_keep_alive);
  EXPECT_FALSE(limits.session_expiry);
  EXPECT_EQ(limits.assigned_client_id, "");
}

TEST_F(BrokerLimitsTest, Are_taken_from_connack) {
  PropertyList list;
  list.add_number(MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, 7);
  list.add_number(MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 1000);
  list.add_number(MQTTPROPERTY_CODE_MAXIMUM_QOS, 0);
  list.add_number(MQTTPROPERTY_CODE_RETAIN_AVAILABLE, 0);
  list.add_number(MQTTPROPERTY_CODE_WILDCARD_SUBSCRIPTION_AVAILABLE, 0);
  list.add_number(MQTTPROPERTY_CODE_SHARED_SUBSCRIPTION_AVAILABLE, 0);
  list.add_number(MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE, 12);
  list.add_number(MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 0);
  list.add_number(MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM, 9);
  list.add_number(MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, 0xFFFF'FFFF);
  list.add_bytes(MQTTPROPERTY_CODE_ASSIGNED_CLIENT_IDENTIFER, "theirs");
  const BrokerLimits limits = limits_in_connack(list.raw());
  EXPECT_EQ(limits.receive_maximum, 7U);
  EXPECT_EQ(limits.maximum_packet_size, 1000U);
  EXPECT_EQ(limits.maximum_qos, core::QoS::kAtMostOnce);
  EXPECT_FALSE(limits.retain_available);
  EXPECT_FALSE(limits.wildcards_available);
  EXPECT_FALSE(limits.shared_available);
  EXPECT_EQ(limits.server_keep_alive, std::chrono::seconds(12));
  EXPECT_FALSE(limits.subscription_ids_available);
  EXPECT_EQ(limits.topic_alias_maximum, 9U);
  EXPECT_EQ(limits.session_expiry, core::kSessionNeverExpires);
  EXPECT_EQ(limits.assigned_client_id, "theirs");
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
