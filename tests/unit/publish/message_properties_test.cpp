#include <gmock/gmock.h>

#include <algorithm>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "support/random_text.h"

namespace dapr_mqtt::publish {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr PublishDefaults kMqtt5{core::QoS::kAtLeastOnce, false, core::ProtocolVersion::kMqtt5};
constexpr PublishDefaults kMqtt311{core::QoS::kAtLeastOnce, false, core::ProtocolVersion::kMqtt311};

core::MessageProperties properties_of(const core::Metadata& metadata) {
  const auto options = parse_publish_options(metadata, kMqtt5);
  EXPECT_TRUE(options.ok()) << options.status().message();
  if (!options.ok() || !options.value().properties) return {};
  return *options.value().properties;
}

std::string problem_of(const core::Metadata& metadata) {
  const auto options = parse_publish_options(metadata, kMqtt5);
  EXPECT_FALSE(options.ok());
  return options.status().message();
}

TEST(MessageProperties, are_taken_from_metadata_with_keys_in_any_case) {
  const auto properties = properties_of({{"MQTT-Content-Type", "text/plain"},
                                         {"mqtt-response-topic", "answers/1"},
                                         {"mqtt-correlation-data", "AAH/"},
                                         {"mqtt-property-Colour", "dark red"},
                                         {"Mqtt-Property-empty", ""},
                                         {"ttlInSeconds", "90"}});
  EXPECT_EQ(properties.content_type, "text/plain");
  EXPECT_EQ(properties.response_topic, "answers/1");
  EXPECT_EQ(properties.correlation_data, std::string("\0\x01\xFF", 3));
  EXPECT_THAT(properties.user_properties,
              ::testing::UnorderedElementsAre(Pair("Colour", "dark red"), Pair("empty", "")));
  EXPECT_EQ(properties.expiry, seconds(90));
}

TEST(MessageProperties, are_null_when_metadata_asks_for_none) {
  const auto options = parse_publish_options(
      {{"rawPayload", "true"}, {"traceparent", "00"}, {"mqtt-topic", "t"}, {"ttl", " "}}, kMqtt5);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().properties, nullptr);
}

TEST(MessageProperties, are_left_to_daprd_with_mqtt_3_1_1) {
  const auto options =
      parse_publish_options({{"ttlInSeconds", "never"}, {"mqtt-property-a", "b"}}, kMqtt311);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().properties, nullptr);
}

TEST(MessageProperties, take_a_time_to_live_in_both_spellings) {
  EXPECT_EQ(properties_of({{"TTL", "1h"}}).expiry, seconds(3600));
  EXPECT_EQ(properties_of({{"ttlInSeconds", "1500ms"}}).expiry, seconds(2));
  EXPECT_EQ(properties_of({{"ttl", "5"}, {"ttlInSeconds", "7"}}).expiry, seconds(7));
  EXPECT_EQ(properties_of({{"ttlInSeconds", "4000000000"}}).expiry, seconds(0x7FFFFFFF));
  for (const char* wrong : {"0", "-1", "soon", "1.5"}) {
    EXPECT_THAT(problem_of({{"ttlInSeconds", wrong}}),
                AllOf(HasSubstr("ttlInSeconds"), HasSubstr("above 0")));
  }
}

TEST(MessageProperties, are_percent_decoded_as_they_are_encoded_on_the_way_in) {
  EXPECT_THAT(properties_of({{"mqtt-property-a", "k%C3%A4se 100%25"}}).user_properties,
              ElementsAre(Pair("a", "k\xC3\xA4se 100%")));
  EXPECT_THAT(properties_of({{"mqtt-property-a", "100% %zz %4"}}).user_properties,
              ElementsAre(Pair("a", "100% %zz %4")));
  // Brokers may end the connection for a control character: it stays encoded.
  EXPECT_THAT(properties_of({{"mqtt-property-a", "one%0D%0Atwo%00"}}).user_properties,
              ElementsAre(Pair("a", "one%0D%0Atwo%00")));
}

TEST(MessageProperties, of_a_received_message_never_keep_it_from_a_dead_letter_topic) {
  const auto properties = properties_of({{"mqtt-attempt", "3"},
                                         {"mqtt-response-topic", "a/#"},
                                         {"mqtt-correlation-data", "%%%"},
                                         {"mqtt-property-good", "1"},
                                         {"mqtt-property-bad", "\xFF"}});
  EXPECT_EQ(properties.response_topic, "");
  EXPECT_THAT(properties.user_properties, ElementsAre(Pair("good", "1")));
}

TEST(MessageProperties, that_a_broker_would_not_take_are_refused_all_at_once) {
  EXPECT_THAT(problem_of({{"mqtt-response-topic", "a/#"},
                          {"mqtt-correlation-data", "%%%"},
                          {"mqtt-content-type", "a\nb"},
                          {"mqtt-property-x", "\xFF"},
                          {"mqtt-property-y", std::string(65'536, 'y')},
                          {"mqtt-property-z", "\xC2\x85"}}),
              AllOf(HasSubstr("mqtt-response-topic"), HasSubstr("mqtt-correlation-data"),
                    HasSubstr("mqtt-content-type"), HasSubstr("mqtt-property-x"),
                    HasSubstr("mqtt-property-y"), HasSubstr("mqtt-property-z")));
}

TEST(MessageProperties, that_are_accepted_are_always_fit_for_mqtt) {
  dapr_mqtt::testing::RandomText random(dapr_mqtt::testing::seed_of_test());
  const std::vector<std::string> keys = {
      "mqtt-property-", "mqtt-content-type", "mqtt-response-topic", "mqtt-correlation-data", "ttl",
      "ttlInSeconds"};
  const std::vector<std::string> pieces = {"%",   "%0",   "%00", "%0A", "%C3",      "%A4",
                                           "%C2", "%85",  "a",   "/",   "#",        "+",
                                           "=",   "AAAA", "1",   "\n",  "\xC3\xA4", " "};
  const auto fit = [](const std::string& text) {
    return base::is_valid_utf8(text) &&
           std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; }) &&
           text.find('\x7F') == std::string::npos && text.find("\xC2\x85") == std::string::npos;
  };
  int accepted = 0;
  for (int run = 0; run < 20'000; ++run) {
    core::Metadata metadata;
    for (std::size_t n = random.below(3) + 1; n > 0; --n) {
      const std::string& key = keys[random.below(keys.size())];
      metadata[key == "mqtt-property-" ? key + random.text(pieces, 3) : key] =
          random.text(pieces, 5);
    }
    const auto options = parse_publish_options(metadata, kMqtt5);
    if (!options.ok()) {
      EXPECT_EQ(options.status().kind(), base::ErrorKind::kInvalidArgument);
      continue;
    }
    if (!options.value().properties) continue;
    ++accepted;
    const core::MessageProperties& properties = *options.value().properties;
    ASSERT_TRUE(fit(properties.content_type));
    ASSERT_TRUE(fit(properties.response_topic));
    for (const auto& [name, value] : properties.user_properties) {
      ASSERT_TRUE(fit(name)) << base::quote(name);
      ASSERT_TRUE(fit(value)) << base::quote(value);
    }
    if (properties.expiry) {
      ASSERT_GT(properties.expiry->count(), 0);
    }
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace dapr_mqtt::publish
