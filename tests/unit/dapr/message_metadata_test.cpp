#include "dapr/message_metadata.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "dapr/header_text.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::dapr {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

core::IncomingMessage message_on(std::string topic) {
  core::IncomingMessage message;
  message.topic = std::move(topic);
  return message;
}

core::Metadata message_metadata(const core::IncomingMessage& message, std::uint32_t attempt) {
  core::Delivery delivery{1, attempt, std::make_shared<const core::IncomingMessage>(message),
                          message.properties ? message.properties->expiry : std::nullopt};
  const MetadataEntries entries = dapr::message_metadata(delivery);
  const core::Metadata metadata(entries.begin(), entries.end());
  EXPECT_EQ(metadata.size(), entries.size()) << "a key comes twice";
  return metadata;
}

core::Metadata with(core::MessageProperties properties) {
  core::IncomingMessage message = message_on("t");
  message.properties = std::make_shared<core::MessageProperties>(std::move(properties));
  return message_metadata(message, 1);
}

core::Metadata with_property(const std::string& name, const std::string& value) {
  core::MessageProperties properties;
  properties.user_properties.emplace_back(name, value);
  return with(std::move(properties));
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// What HTTP and gRPC require of a header; a second implementation.
void expect_good_headers(const core::Metadata& metadata) {
  std::set<std::string> names;
  for (const auto& [key, value] : metadata) {
    ASSERT_FALSE(key.empty());
    EXPECT_TRUE(names.insert(base::to_lower(key)).second) << key << " comes twice";
    EXPECT_EQ(key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-_."),
              std::string::npos)
        << base::quote(key);
    EXPECT_FALSE(base::to_lower(key).ends_with("-bin")) << base::quote(key);
    EXPECT_TRUE(key == "retained" || key == "traceparent" || key == "tracestate" ||
                key.starts_with("mqtt-"))
        << base::quote(key);
    EXPECT_LE(value.size(), kMaxValueBytes);
    for (const char c : value) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << base::quote(value);
    EXPECT_FALSE(value.starts_with(' ') || value.ends_with(' ')) << base::quote(value);
  }
}

TEST(MessageMetadata, of_a_plain_message_is_what_the_documentation_lists) {
  EXPECT_THAT(message_metadata(message_on("a/b"), 1),
              ElementsAre(Pair("mqtt-attempt", "1"), Pair("mqtt-duplicate", "false"),
                          Pair("mqtt-qos", "0"), Pair("mqtt-retained", "false"),
                          Pair("mqtt-topic", "a/b"), Pair("retained", "false")));
}

TEST(MessageMetadata, says_retained_duplicate_qos_and_attempt) {
  core::IncomingMessage message = message_on("a");
  message.retained = true;
  message.duplicate = true;
  message.qos = core::QoS::kExactlyOnce;
  EXPECT_THAT(message_metadata(message, 7),
              ElementsAre(Pair("mqtt-attempt", "7"), Pair("mqtt-duplicate", "true"),
                          Pair("mqtt-qos", "2"), Pair("mqtt-retained", "true"),
                          Pair("mqtt-topic", "a"), Pair("retained", "true")));
}

TEST(MessageMetadata, has_the_properties_of_MQTT_5) {
  core::MessageProperties properties;
  properties.content_type = "text/plain";
  properties.response_topic = "answers/1";
  properties.correlation_data = std::string("\x00\xFF\x10", 3);
  properties.expiry = std::chrono::seconds(30);
  properties.user_properties = {{"Trace", "abc"}};
  const core::Metadata metadata = with(std::move(properties));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-content-type", "text/plain")));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-response-topic", "answers/1")));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-correlation-data", "AP8Q")));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-expiry-seconds", "30")));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-property-Trace", "abc")));
  EXPECT_THAT(metadata, Not(Contains(Key("mqtt-omitted"))));
}

TEST(MessageMetadata, leaves_absent_properties_out) {
  EXPECT_EQ(with({}).size(), message_metadata(message_on("t"), 1).size());
}

TEST(MessageMetadata, percent_encodes_what_is_no_printable_ASCII_and_percent_itself) {
  EXPECT_EQ(message_metadata(message_on("käse/100%"), 1).at("mqtt-topic"), "k%C3%A4se/100%25");
  EXPECT_THAT(with_property("n", "a\r\nb: c"), Contains(Pair("mqtt-property-n", "a%0D%0Ab: c")));
  EXPECT_THAT(with_property("n", std::string("\0\x7F\t", 3)),
              Contains(Pair("mqtt-property-n", "%00%7F%09")));
}

TEST(MessageMetadata, keeps_spaces_inside_and_encodes_those_at_the_ends) {
  EXPECT_THAT(with_property("n", " a b "), Contains(Pair("mqtt-property-n", "%20a b%20")));
  EXPECT_THAT(with_property("n", " "), Contains(Pair("mqtt-property-n", "%20")));
  EXPECT_THAT(with_property("n", ""), Contains(Pair("mqtt-property-n", "")));
}

TEST(MessageMetadata, makes_names_of_properties_header_names) {
  EXPECT_THAT(with_property("a b:c", "1"), Contains(Pair("mqtt-property-a_b_c", "1")));
  EXPECT_THAT(with_property("ä", "1"), Contains(Pair("mqtt-property-__", "1")));
  EXPECT_THAT(with_property("", "1"), Contains(Pair("mqtt-property-", "1")));
  EXPECT_THAT(with_property("x\r\ndapr-api-token", "1"),
              Contains(Pair("mqtt-property-x__dapr-api-token", "1")));
}

TEST(MessageMetadata, never_names_what_is_daprs_own_or_a_publish_option) {
  for (const std::string name : {"dapr-api-token", "traceparent", "qos", "retain", "ttlInSeconds",
                                 "topic", "content-type", "ce_id", "host"}) {
    const core::Metadata metadata = with_property(name, "x");
    EXPECT_THAT(metadata, Not(Contains(Key(name))));
    EXPECT_THAT(metadata, Contains(Pair("mqtt-property-" + name, "x")));
  }
}

TEST(MessageMetadata, hands_on_a_trace_context_that_is_well_formed) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  core::MessageProperties properties;
  properties.user_properties = {{"traceparent", parent}, {"tracestate", "a=50%"}};
  const core::Metadata metadata = with(std::move(properties));
  EXPECT_THAT(metadata, Contains(Pair("traceparent", parent)));
  EXPECT_THAT(metadata, Contains(Pair("tracestate", "a=50%")));
  EXPECT_THAT(metadata, Contains(Pair("mqtt-property-traceparent", parent)));
  expect_good_headers(metadata);
}

TEST(MessageMetadata, has_no_name_that_gRPC_takes_for_base64) {
  EXPECT_THAT(with_property("x-bin", "1"), Contains(Key("mqtt-property-x-bin_")));
  EXPECT_THAT(with_property("BIN", "1"), Contains(Key("mqtt-property-BIN_")));
  EXPECT_THAT(with_property("robin", "1"), Contains(Key("mqtt-property-robin")));
}

TEST(MessageMetadata, joins_properties_that_come_again_in_any_case) {
  core::MessageProperties properties;
  properties.user_properties = {{"Tag", "a"}, {"other", "x"}, {"tag", "b"}, {"TAG", "c"}};
  EXPECT_THAT(with(std::move(properties)), Contains(Pair("mqtt-property-Tag", "a,b,c")));
}

TEST(MessageMetadata, leaves_out_what_is_too_long_whole_and_says_so) {
  EXPECT_THAT(with_property("n", std::string(kMaxValueBytes, 'x')),
              Contains(Pair("mqtt-property-n", std::string(kMaxValueBytes, 'x'))));
  const core::Metadata too_long = with_property("n", std::string(kMaxValueBytes + 1, 'x'));
  EXPECT_THAT(too_long, Not(Contains(Key("mqtt-property-n"))));
  EXPECT_THAT(too_long, Contains(Pair("mqtt-omitted", "1")));
  // Encoding triples it.
  EXPECT_THAT(with_property("n", std::string(kMaxValueBytes / 2, '\n')),
              Contains(Pair("mqtt-omitted", "1")));
  EXPECT_THAT(with_property(std::string(kMaxNameBytes + 1, 'n'), "x"),
              Contains(Pair("mqtt-omitted", "1")));
  EXPECT_THAT(message_metadata(message_on(std::string(65535, 't')), 1),
              Not(Contains(Key("mqtt-topic"))));
}

TEST(MessageMetadata, bounds_number_and_sum_of_properties) {
  core::MessageProperties many;
  for (std::size_t i = 0; i < kMaxProperties + 5; ++i) {
    many.user_properties.emplace_back("n" + std::to_string(i), "v");
  }
  EXPECT_THAT(with(std::move(many)), Contains(Pair("mqtt-omitted", "5")));

  core::MessageProperties big;
  for (int i = 0; i < 8; ++i) {
    big.user_properties.emplace_back("n" + std::to_string(i), std::string(1000, 'v'));
  }
  EXPECT_THAT(with(std::move(big)), Contains(Pair("mqtt-omitted", "4")));

  core::MessageProperties same;
  for (int i = 0; i < 10'000; ++i) same.user_properties.emplace_back("n", "value");
  expect_good_headers(with(std::move(same)));
}

TEST(MessageMetadata, is_good_headers_for_any_bytes_whatever) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto bytes = [&](std::size_t limit) {
    std::string out(random() % (limit + 1), '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    core::IncomingMessage message = message_on(bytes(40));
    auto properties = std::make_shared<core::MessageProperties>();
    properties->content_type = bytes(20);
    properties->response_topic = bytes(20);
    properties->correlation_data = bytes(20);
    for (std::size_t i = random() % 40; i > 0; --i) {
      properties->user_properties.emplace_back(bytes(6), bytes(300));
    }
    message.properties = properties;
    const core::Metadata metadata = message_metadata(message, 1);
    expect_good_headers(metadata);
    EXPECT_EQ(decode_percent(metadata.at("mqtt-topic")), message.topic);
    std::size_t sum = 0;
    for (const auto& [key, value] : metadata) {
      if (key.starts_with("mqtt-property-")) sum += key.size() + value.size();
    }
    EXPECT_LE(sum, kMaxPropertyBytes);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace dapr_mqtt::dapr
