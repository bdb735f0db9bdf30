#include "mqtt/message_properties.h"

#include <gtest/gtest.h>

#include <vector>

#include "mqtt/paho_library.h"

namespace dapr_mqtt::mqtt {
namespace {

/// Paho's heap is initialised with the first client.
struct MessageProperties : ::testing::Test {
  MessageProperties() { PahoLibrary::instance(); }
};

core::MessageProperties full() {
  core::MessageProperties properties;
  properties.content_type = "text/plain";
  properties.response_topic = "a/b";
  properties.correlation_data = std::string("\0\xFF", 2);
  properties.user_properties = {{"k", "1"}, {"k", "2"}, {"", ""}};
  properties.expiry = std::chrono::seconds(7);
  return properties;
}

TEST_F(MessageProperties, Go_to_paho_unchanged_and_in_order) {
  const ::mqtt::properties list = message_properties(full());
  using ::mqtt::property;
  EXPECT_EQ(::mqtt::get<std::string>(list, property::CONTENT_TYPE), "text/plain");
  EXPECT_EQ(::mqtt::get<std::string>(list, property::RESPONSE_TOPIC), "a/b");
  EXPECT_EQ(::mqtt::get<std::string>(list, property::CORRELATION_DATA), std::string("\0\xFF", 2));
  EXPECT_EQ(::mqtt::get<std::uint32_t>(list, property::MESSAGE_EXPIRY_INTERVAL), 7U);
  ASSERT_EQ(list.count(property::USER_PROPERTY), 3U);
  const auto second = ::mqtt::get<::mqtt::string_pair>(list, property::USER_PROPERTY, 1);
  EXPECT_EQ(std::get<0>(second), "k");
  EXPECT_EQ(std::get<1>(second), "2");
}

TEST_F(MessageProperties, Encoded_size_is_the_one_that_paho_sends) {
  std::vector<core::MessageProperties> cases = {{}, full()};
  for (const std::size_t size :
       {100U, 120U, 121U, 122U, 123U, 16'000U, 16'376U, 16'377U, 16'400U}) {
    core::MessageProperties one;
    one.user_properties = {{"n", std::string(size, 'v')}};
    cases.push_back(one);
  }
  core::MessageProperties many;
  for (int i = 0; i < 40; ++i) many.user_properties.emplace_back("n", std::string(60'000, 'v'));
  cases.push_back(many);
  for (const core::MessageProperties& properties : cases) {
    const ::mqtt::properties list = message_properties(properties);
    const auto length = static_cast<std::size_t>(list.c_struct().length);
    const std::size_t digits = length < 128 ? 1 : length < 16'384 ? 2 : length < 2'097'152 ? 3 : 4;
    EXPECT_EQ(encoded_size(&properties), digits + length);
  }
  EXPECT_EQ(encoded_size(nullptr), 1U);
}

TEST_F(MessageProperties, Reason_string_is_found_where_there_is_one) {
  ::mqtt::properties list{{::mqtt::property::USER_PROPERTY, "k", "v"}};
  EXPECT_EQ(reason_string(list.c_struct()), "");
  list.add({::mqtt::property::REASON_STRING, "because"});
  EXPECT_EQ(reason_string(list.c_struct()), "because");
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
