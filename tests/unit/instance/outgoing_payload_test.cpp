#include "instance/outgoing_payload.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::instance {
namespace {

using core::ProtocolVersion;
using core::PublishPayload;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string kEvent =
    R"({"data":21.5,"datacontenttype":"application/json","id":"1",)"
    R"("source":"Dapr","specversion":"1.0","tracestate":"","traceparent":")" +
    std::string(kTrace) + R"(","type":"sent"})";

struct Shaped {
  std::string payload;
  publish::PublishOptions options;
  base::Status status;
};

Shaped shape(std::string payload, publish::PublishOptions options, ProtocolVersion protocol) {
  const base::Status status = shape_payload(payload, options, protocol);
  return {std::move(payload), std::move(options), status};
}

publish::PublishOptions data() {
  publish::PublishOptions options;
  options.payload = PublishPayload::kData;
  return options;
}

TEST(OutgoingPayload, is_the_data_alone_where_that_is_asked_for) {
  const Shaped out = shape(kEvent, data(), ProtocolVersion::kMqtt311);
  EXPECT_EQ(out.payload, "21.5");
  EXPECT_EQ(out.options.properties, nullptr);
}

TEST(OutgoingPayload, has_the_attributes_beside_it_with_mqtt5) {
  const Shaped out = shape(kEvent, data(), ProtocolVersion::kMqtt5);
  EXPECT_EQ(out.payload, "21.5");
  ASSERT_TRUE(out.options.properties);
  EXPECT_EQ(out.options.properties->content_type, "application/json");
  EXPECT_THAT(out.options.properties->user_properties,
              ElementsAre(Pair("id", "1"), Pair("source", "Dapr"), Pair("specversion", "1.0"),
                          Pair("traceparent", kTrace), Pair("type", "sent")));
}

TEST(OutgoingPayload, leaves_out_attributes_that_MQTT_cannot_carry) {
  const std::string name(70'000, 'a');
  const Shaped out = shape(R"({"data":1,"id":"1","source":"s","specversion":"1.0","type":"t",")" +
                               name + R"(":"1","long":")" + name + R"("})",
                           data(), ProtocolVersion::kMqtt5);
  EXPECT_EQ(out.payload, "1");
  ASSERT_TRUE(out.options.properties);
  EXPECT_THAT(out.options.properties->user_properties,
              ElementsAre(Pair("id", "1"), Pair("source", "s"), Pair("specversion", "1.0"),
                          Pair("type", "t")));
}

TEST(OutgoingPayload, says_that_it_is_an_event_and_of_which_call_with_mqtt5) {
  const Shaped out = shape(kEvent, {}, ProtocolVersion::kMqtt5);
  EXPECT_EQ(out.payload, kEvent);
  ASSERT_TRUE(out.options.properties);
  EXPECT_EQ(out.options.properties->content_type, "application/cloudevents+json; charset=utf-8");
  EXPECT_THAT(out.options.properties->user_properties, ElementsAre(Pair("traceparent", kTrace)));
  EXPECT_EQ(shape(kEvent, {}, ProtocolVersion::kMqtt311).options.properties, nullptr);
}

TEST(OutgoingPayload, leaves_properties_that_the_request_asks_for) {
  publish::PublishOptions options = data();
  core::MessageProperties asked;
  asked.content_type = "text/csv";
  asked.user_properties = {{"id", "mine"}, {"colour", "red"}};
  options.properties = std::make_shared<const core::MessageProperties>(asked);
  const Shaped out = shape(kEvent, options, ProtocolVersion::kMqtt5);
  EXPECT_EQ(out.options.properties->content_type, "text/csv");
  EXPECT_THAT(
      out.options.properties->user_properties,
      ElementsAre(Pair("id", "mine"), Pair("colour", "red"), Pair("source", "Dapr"),
                  Pair("specversion", "1.0"), Pair("traceparent", kTrace), Pair("type", "sent")));
}

TEST(OutgoingPayload, leaves_out_what_brokers_end_a_connection_for) {
  const Shaped out = shape(
      R"({"specversion":"1.0","source":"s","type":"t","datacontenttype":"a\nb","bad":"a\u0001"})",
      data(), ProtocolVersion::kMqtt5);
  EXPECT_EQ(out.options.properties->content_type, "");
  EXPECT_THAT(out.options.properties->user_properties,
              ElementsAre(Pair("specversion", "1.0"), Pair("source", "s"), Pair("type", "t")));
}

TEST(OutgoingPayload, is_left_alone_when_it_is_raw_or_no_event) {
  publish::PublishOptions raw = data();
  raw.raw_payload = true;
  EXPECT_EQ(shape(kEvent, raw, ProtocolVersion::kMqtt5).payload, kEvent);
  EXPECT_EQ(shape(kEvent, raw, ProtocolVersion::kMqtt5).options.properties, nullptr);
  EXPECT_EQ(shape("21.5", data(), ProtocolVersion::kMqtt5).payload, "21.5");
  EXPECT_EQ(shape("21.5", {}, ProtocolVersion::kMqtt5).options.properties, nullptr);
}

TEST(OutgoingPayload, is_refused_when_its_data_cannot_be_read) {
  EXPECT_FALSE(shape(R"({"specversion":"1.0","source":"s","type":"t","data_base64":"!"})", data(),
                     ProtocolVersion::kMqtt311)
                   .status.ok());
}

}  // namespace
}  // namespace dapr_mqtt::instance
