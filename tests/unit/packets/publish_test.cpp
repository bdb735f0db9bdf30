#include <gmock/gmock.h>

#include <chrono>
#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::Pair;
using std::string_literals::operator""s;

class Publish : public ::testing::TestWithParam<ProtocolVersion> {
 protected:
  std::string bytes(const mqtt::Publish& message) const {
    return mqtt::publish(GetParam(), message);
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, Publish, kVersions, version_name);

TEST_P(Publish, becomes_a_message_and_is_not_for_the_client) {
  Established connection(GetParam());
  EXPECT_EQ(connection.broker(
                bytes({.topic = "a/b", .payload = "one", .qos = 1, .id = 258, .retain = true}) +
                bytes({.topic = "c", .payload = "", .qos = 2, .id = 1, .duplicate = true}) +
                bytes({.topic = "d", .payload = "x", .qos = 0})),
            "");
  EXPECT_THAT(connection.lines(),
              ElementsAre("publish a/b id 258 qos 1 payload one", "publish c id 1 qos 2 payload ",
                          "publish d id 0 qos 0 payload x"));
  const auto& messages = connection.events().messages;
  EXPECT_TRUE(messages[0].retained);
  EXPECT_FALSE(messages[0].duplicate);
  EXPECT_FALSE(messages[1].retained);
  EXPECT_TRUE(messages[1].duplicate);
  EXPECT_THAT(messages[0].properties, IsNull());
  EXPECT_EQ(messages[0].full_size, 0U);
}

TEST_P(Publish, is_taken_whatever_its_content_is) {
  // A broker that accepted it would send it again and again.
  Established connection(GetParam());
  EXPECT_EQ(connection.broker(bytes({.topic = "\xff\0#+$"s, .payload = "\0"s, .duplicate = true})),
            "");
  EXPECT_EQ(connection.events().messages.at(0).topic, "\xff\0#+$"s);
}

TEST_P(Publish, is_malformed_when_its_parts_do_not_fit) {
  struct Case {
    std::string packet;
    const char* text;
  };
  for (const Case& c : std::vector<Case>{
           {mqtt::packet(0x36, "\0\1t\0\1\0"s), "QoS 3"},
           {mqtt::packet(0x30, ""), "no topic name"},
           {mqtt::packet(0x30, "\0"s), "no topic name"},
           {mqtt::packet(0x30, "\0\0\0"s), "the topic name is empty"},
           {mqtt::packet(0x30, "\0\3t\0"s), "the topic name has 3 bytes, but only 2 are left"},
           {mqtt::packet(0x32, "\0\1t"s), "no packet identifier"},
           {mqtt::packet(0x32, "\0\1t\0"s), "no packet identifier"},
           {mqtt::packet(0x32, "\0\1t\0\0\0"s), "packet identifier 0"},
           {mqtt::packet(0x34, "\0\1t\0\0\0"s), "packet identifier 0"}}) {
    Established connection(GetParam());
    EXPECT_THAT(connection.broker(c.packet), HasSubstr("malformed PUBLISH from the broker: "));
    Established again(GetParam());
    EXPECT_THAT(again.broker(c.packet), HasSubstr(c.text));
    EXPECT_THAT(again.lines(), IsEmpty());
  }
}

TEST(Publish5, brings_its_properties) {
  Established connection(k5);
  EXPECT_EQ(connection.broker(mqtt::publish(
                k5, {.payload = "p",
                     .properties = "\1\1\2"s + mqtt::u32(60) + "\3" + mqtt::text("text/plain") +
                                   "\x8" + mqtt::text("reply") + "\x9" + mqtt::text("\0\xff"s) +
                                   "\xB\x80\1" + "\xB\5" + "\x26" + mqtt::text("k") +
                                   mqtt::text("1") + "\x26" + mqtt::text("k") + mqtt::text("")})),
            "");
  const core::IncomingMessage& message = connection.events().messages.at(0);
  EXPECT_EQ(message.payload, "p");
  ASSERT_TRUE(message.properties);
  EXPECT_EQ(message.properties->content_type, "text/plain");
  EXPECT_EQ(message.properties->response_topic, "reply");
  EXPECT_EQ(message.properties->correlation_data, "\0\xff"s);
  EXPECT_EQ(message.properties->expiry, std::chrono::seconds(60));
  EXPECT_THAT(message.properties->user_properties, ElementsAre(Pair("k", "1"), Pair("k", "")));
}

TEST(Publish5, counts_the_memory_that_its_user_properties_take) {
  using Property = decltype(core::MessageProperties::user_properties)::value_type;
  const std::size_t count = 20'000;
  std::string block;
  for (std::size_t i = 0; i < count; ++i) block += "\x26\0\0\0\0"s;
  Established empty(k5);
  EXPECT_EQ(empty.broker(mqtt::publish(k5, {.properties = block})), "");
  const core::IncomingMessage& message = empty.events().messages.at(0);
  EXPECT_GE(message.footprint(), count * sizeof(Property));
  EXPECT_EQ(message.properties->user_properties.capacity(), count);
  EXPECT_EQ(core::IncomingMessage(message).footprint(), message.footprint());

  Established long_text(k5);
  EXPECT_EQ(long_text.broker(mqtt::publish(
                k5, {.properties = "\x26" + mqtt::text("k") + mqtt::text(std::string(100, 'v'))})),
            "");
  EXPECT_GE(long_text.events().messages.at(0).properties->footprint(), sizeof(Property) + 101);
}

TEST(Publish5, drops_what_is_no_property_of_the_message) {
  Established connection(k5);
  EXPECT_EQ(connection.broker(mqtt::publish(k5, {.properties = "\1\1\xB\1"})), "");
  EXPECT_THAT(connection.events().messages.at(0).properties, IsNull());
}

TEST(Publish5, is_malformed_when_its_properties_are) {
  struct Case {
    std::string block;
    const char* text;
  };
  for (const Case& c :
       std::vector<Case>{{"\x23\0\1"s, "topic alias"},
                         {"\xB\0"s, "Subscription Identifier 0"},
                         {"\xB\x80\x80\x80\x80\1"s, "Subscription Identifier is cut off"},
                         {"\x7f"s, "property 127 is unknown"},
                         {"\4\0"s, "property 4 is unknown"},
                         {"\0"s, "property 0 is unknown"},
                         {"\x21\0\1"s, "Receive Maximum is not allowed"},
                         {"\1\0\1\0"s, "Payload Format Indicator occurs twice"},
                         {"\3\0\0\3\0\0"s, "Content Type occurs twice"},
                         {"\1"s, "Payload Format Indicator is cut off"},
                         {"\2\0\0\0"s, "Message Expiry Interval is cut off"},
                         {"\3\0"s, "Content Type is cut off"},
                         {"\3\0\2x"s, "Content Type is cut off"},
                         {"\x26\0\1k"s, "User Property is cut off"},
                         {"\x26\0\1k\0\1"s, "User Property is cut off"}}) {
    Established connection(k5);
    EXPECT_THAT(connection.broker(mqtt::publish(
                    k5, {.payload = "long enough to read on", .properties = c.block})),
                HasSubstr(c.text));
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
}

TEST(Publish5, is_malformed_when_the_property_length_is) {
  for (const std::string& body :
       {"\0\1t"s, "\0\1t\x80"s, "\0\1t\1"s, "\0\1t\x80\x80\x80\x80\0"s, "\0\1t\xff\xff\xff\x7f"s}) {
    Established connection(k5);
    EXPECT_THAT(connection.broker(mqtt::packet(0x30, body)), HasSubstr("property length"));
  }
  // These packets crashed Paho 1.3.12.
  for (const std::string& packet : {"\x30\4\0\1t\x80"s, "\x32\6\0\1t\0\1\x80"s}) {
    Established connection(k5);
    EXPECT_EQ(connection.broker(packet), "malformed PUBLISH from the broker: no property length");
  }
}

TEST_P(Publish, over_the_limit_brings_its_beginning_and_its_size) {
  Established connection(GetParam(), 2000);
  const std::string large = std::string(1024, 'a') + std::string(977, 'b');
  EXPECT_EQ(
      connection.broker(bytes({.payload = large.substr(0, 2000)}) +
                        bytes({.payload = large, .qos = 1, .id = 5}) + bytes({.payload = "next"})),
      "");
  const auto& messages = connection.events().messages;
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].payload.size(), 2000U);
  EXPECT_EQ(messages[0].full_size, 0U);
  EXPECT_EQ(messages[1].payload, std::string(1024, 'a'));
  EXPECT_EQ(messages[1].full_size, 2001U);
  EXPECT_EQ(messages[1].packet.id, 5);
  EXPECT_EQ(messages[2].payload, "next");
}

TEST(Publish5, with_too_large_properties_counts_as_too_large) {
  for (const std::string& payload : {"payload"s, ""s}) {
    std::string block;
    while (block.size() <= packets::PacketFilter::kMaxControlPacket) {
      block += "\x26" + mqtt::text(std::string(30'000, 'k')) + mqtt::text("v");
    }
    Established connection(k5);
    const std::string bytes =
        mqtt::publish(k5, {.payload = payload, .qos = 1, .id = 5, .properties = block}) +
        mqtt::publish(k5, {.payload = "next"});
    EXPECT_EQ(connection.broker_in_pieces(bytes, 1000), "");
    const auto& messages = connection.events().messages;
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].packet.id, 5);
    EXPECT_THAT(messages[0].properties, IsNull());
    EXPECT_EQ(messages[0].payload, payload);
    EXPECT_EQ(messages[0].full_size, payload.empty() ? 1U : payload.size());
    EXPECT_EQ(messages[1].payload, "next");
  }
}

}  // namespace
}  // namespace dapr_mqtt::testing
