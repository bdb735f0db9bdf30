// CONNACK, DISCONNECT, PINGRESP, AUTH.
#include <gmock/gmock.h>

#include <chrono>
#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using std::string_literals::operator""s;

class Connack : public ::testing::TestWithParam<ProtocolVersion> {};
INSTANTIATE_TEST_SUITE_P(Versions, Connack, kVersions, version_name);

TEST_P(Connack, is_an_event_and_then_a_packet_for_the_client) {
  Connection connection(GetParam());
  EXPECT_FALSE(connection.filter().connect_seen());
  EXPECT_EQ(connection.client(mqtt::connect(GetParam())), "");
  EXPECT_TRUE(connection.filter().connect_seen());
  EXPECT_EQ(connection.broker(mqtt::connack(GetParam(), true)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("connack 0 session present ",
                                              GetParam() == k5 ? "for client 20 03 01 00 00"
                                                               : "for client 20 02 01 00"));
}

TEST_P(Connack, is_an_error_before_connect) {
  Connection connection(GetParam());
  EXPECT_EQ(connection.broker(mqtt::connack(GetParam())),
            "unexpected CONNACK from the broker: it came before CONNECT was sent");
  EXPECT_THAT(connection.lines(), IsEmpty());
}

TEST_P(Connack, must_be_first_and_comes_once) {
  Connection connection(GetParam());
  connection.client(mqtt::connect(GetParam()));
  EXPECT_EQ(connection.broker(mqtt::publish(GetParam(), {})),
            "unexpected PUBLISH from the broker: it came before CONNACK");
  Established second(GetParam());
  EXPECT_EQ(second.broker(mqtt::connack(GetParam())),
            "unexpected CONNACK from the broker: it came a second time");
}

TEST_P(Connack, has_one_flag_which_is_not_for_refusals) {
  Connection reserved(GetParam());
  reserved.client(mqtt::connect(GetParam()));
  EXPECT_THAT(reserved.broker(mqtt::packet(0x20, "\2\0"s + mqtt::properties(GetParam()))),
              HasSubstr("malformed CONNACK from the broker: reserved flags"));
  Connection refusal(GetParam());
  refusal.client(mqtt::connect(GetParam()));
  EXPECT_THAT(refusal.broker(mqtt::connack(GetParam(), true, GetParam() == k5 ? 0x87 : 5)),
              HasSubstr("session present with a refusal"));
}

TEST_P(Connack, that_refuses_ends_the_connection) {
  Connection connection(GetParam());
  connection.client(mqtt::connect(GetParam()));
  EXPECT_EQ(connection.broker(mqtt::connack(GetParam(), false, GetParam() == k5 ? 0x87 : 5) +
                              mqtt::publish(GetParam(), {}) + "nonsense"),
            "");
  EXPECT_EQ(connection.lines().size(), 2U);
}

TEST(Connack311, has_two_bytes_and_a_known_code) {
  for (const std::string& body : {""s, "\0"s, "\0\0\0"s, "\0\6"s, "\0\x80"s}) {
    Connection connection(k311);
    connection.client(mqtt::connect(k311));
    EXPECT_THAT(connection.broker(mqtt::packet(0x20, body)), HasSubstr("malformed CONNACK"))
        << hex(body);
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
}

TEST(Connack5, says_what_the_broker_is_able_to_do) {
  Connection connection(k5);
  connection.client(mqtt::connect(k5));
  const std::string block =
      "\x11"s + mqtt::u32(100) + "\x21" + mqtt::u16(20) + "\x24" + mqtt::u8(1) + "\x25" +
      mqtt::u8(0) + "\x27" + mqtt::u32(5000) + "\x12" + mqtt::text("auto-1") + "\x22" +
      mqtt::u16(9) + "\x1F" + mqtt::text("welcome") + "\x26" + mqtt::text("a") + mqtt::text("b") +
      "\x28" + mqtt::u8(0) + "\x29" + mqtt::u8(0) + "\x2A" + mqtt::u8(0) + "\x13" + mqtt::u16(30) +
      "\x1A" + mqtt::text("info") + "\x1C" + mqtt::text("other") + "\x15" + mqtt::text("m") +
      "\x16" + mqtt::text("d");
  ASSERT_EQ(connection.broker(mqtt::connack(k5, false, 0, block)), "");
  const packets::Connack& connack = connection.events().connacks.at(0);
  EXPECT_EQ(connack.reason_string, "welcome");
  EXPECT_EQ(connack.limits.session_expiry, std::chrono::seconds(100));
  EXPECT_EQ(connack.limits.receive_maximum, 20U);
  EXPECT_EQ(connack.limits.maximum_qos, core::QoS::kAtLeastOnce);
  EXPECT_FALSE(connack.limits.retain_available);
  EXPECT_EQ(connack.limits.maximum_packet_size, 5000U);
  EXPECT_EQ(connack.limits.assigned_client_id, "auto-1");
  EXPECT_EQ(connack.limits.topic_alias_maximum, 9U);
  EXPECT_FALSE(connack.limits.wildcards_available);
  EXPECT_FALSE(connack.limits.subscription_ids_available);
  EXPECT_FALSE(connack.limits.shared_available);
  EXPECT_EQ(connack.limits.server_keep_alive, std::chrono::seconds(30));
  // Paho gets only the properties that it reads: Receive Maximum and Server Keep Alive.
  EXPECT_EQ(hex(connection.events().for_client.at(0)), "20 09 00 00 06 21 00 14 13 00 1e");
}

TEST(Connack5, takes_zero_for_the_default) {
  Connection connection(k5);
  connection.client(mqtt::connect(k5));
  ASSERT_EQ(connection.broker(
                mqtt::connack(k5, false, 0, "\x21"s + mqtt::u16(0) + "\x27" + mqtt::u32(0))),
            "");
  const core::BrokerLimits& limits = connection.events().connacks.at(0).limits;
  EXPECT_EQ(limits.receive_maximum, core::BrokerLimits().receive_maximum);
  EXPECT_EQ(limits.maximum_packet_size, core::BrokerLimits().maximum_packet_size);
  EXPECT_EQ(hex(connection.events().for_client.at(0)), "20 03 00 00 00");
}

TEST(Connack5, in_the_format_of_mqtt_311_gets_properties_for_paho) {
  for (const unsigned code : {0U, 1U, 5U, 0x84U}) {
    Connection connection(k5);
    connection.client(mqtt::connect(k5));
    EXPECT_EQ(connection.broker(mqtt::connack(k311, false, code)), "");
    EXPECT_EQ(connection.events().connacks.at(0).code, static_cast<int>(code));
    EXPECT_EQ(connection.events().for_client.at(0), "\x20\3\0"s + mqtt::u8(code) + "\0"s);
  }
}

TEST(Connack5, with_the_refusal_of_mqtt_311_may_have_properties) {
  Connection connection(k5);
  connection.client(mqtt::connect(k5));
  EXPECT_EQ(connection.broker(mqtt::packet(0x20, "\0\1\0"s)), "");
  EXPECT_EQ(connection.events().connacks.at(0).code, 1);
}

TEST(Connack5, is_malformed_when_its_parts_are) {
  for (const std::string& body :
       {""s, "\0"s, "\0\6"s, "\0\2\0"s, "\0\0\1"s, "\0\0\0\0"s, "\0\0\x80"s, "\0\0\3\x21\0"s,
        "\0\0\6\x21\0\1\x21\0\1"s, "\0\0\1\x7f"s, "\0\0\2\1\0"s, "\0\0\x80\x80\x80\x80\0"s}) {
    Connection connection(k5);
    connection.client(mqtt::connect(k5));
    EXPECT_THAT(connection.broker(mqtt::packet(0x20, body)), HasSubstr("malformed CONNACK"))
        << hex(body);
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
}

TEST(Disconnect, of_the_broker_is_an_event_and_the_end) {
  for (const auto& [bytes, line] : std::vector<std::pair<std::string, std::string>>{
           {mqtt::packet(0xE0, ""), "disconnect 0 "},
           {mqtt::packet(0xE0, "\x8E"), "disconnect 142 "},
           {mqtt::disconnect(0x8B), "disconnect 139 "},
           {mqtt::disconnect(0x98, "\x1F" + mqtt::text("night") + "\x1C" + mqtt::text("there")),
            "disconnect 152 night"}}) {
    Established connection(k5);
    EXPECT_EQ(connection.broker(bytes + mqtt::publish(k5, {})), "");
    EXPECT_EQ(connection.broker("\xff\xff\xff\xff\xff\xff"), "");
    EXPECT_THAT(connection.lines(), ElementsAre(line));
  }
}

TEST(Disconnect, and_a_refusal_name_the_other_server) {
  const std::string reference = "\x1C" + mqtt::text("there");
  Established established(k5);
  EXPECT_EQ(established.broker(mqtt::disconnect(0x9C, reference)), "");
  EXPECT_EQ(established.events().disconnects.at(0).server_reference, "there");
  Connection connection(k5);
  connection.client(mqtt::connect(k5));
  EXPECT_EQ(connection.broker(mqtt::connack(k5, false, 0x9D, reference)), "");
  EXPECT_EQ(connection.events().connacks.at(0).server_reference, "there");
}

TEST(Disconnect, is_malformed_when_its_parts_are) {
  for (const std::string& body : {"\0\1"s, "\0\0\0"s, "\0\5\x11\0\0\0\1"s, "\0\1\x1F"s}) {
    Established connection(k5);
    EXPECT_THAT(connection.broker(mqtt::packet(0xE0, body)), HasSubstr("malformed DISCONNECT"));
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
  Established older(k311);
  EXPECT_THAT(older.broker(mqtt::packet(0xE0, "")), HasSubstr("malformed DISCONNECT"));
}

TEST(Pingresp, passes_and_has_no_body) {
  Established connection(k311);
  EXPECT_EQ(connection.broker(mqtt::pingresp()), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client d0 00"));
  EXPECT_THAT(connection.broker(mqtt::packet(0xD0, "x")), HasSubstr("malformed PINGRESP"));
}

TEST(Auth, is_never_accepted) {
  Established connection(k5);
  EXPECT_EQ(
      connection.broker(mqtt::packet(0xF0, "")),
      "malformed AUTH from the broker: the broker asks for an exchange of AUTH packets, which is not "
      "supported: only authMethod and authData in CONNECT are");
  Connection early(k5);
  EXPECT_THAT(early.broker(mqtt::packet(0xF0, "")), HasSubstr("it came before CONNACK"));
  Established older(k311);
  EXPECT_THAT(older.broker(mqtt::packet(0xF0, "")), HasSubstr("malformed AUTH"));
}

TEST(Auth, as_the_answer_to_connect_is_named_too) {
  Connection connection(k5);
  connection.client(mqtt::connect(k5));
  const base::Status status =
      connection.filter().inbound(mqtt::packet(0xF0, ""), connection.events());
  EXPECT_THAT(status.message(), HasSubstr("exchange of AUTH packets"));
  // UNAVAILABLE would be taken for a broker that does not understand CONNECT.
  EXPECT_EQ(status.kind(), base::ErrorKind::kFailedPrecondition);
}

}  // namespace
}  // namespace dapr_mqtt::testing
