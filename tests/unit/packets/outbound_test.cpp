// What the client library may write.
#include <gmock/gmock.h>

#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

class Outbound : public ::testing::TestWithParam<ProtocolVersion> {
 protected:
  ProtocolVersion other() const { return GetParam() == k5 ? k311 : k5; }
};
INSTANTIATE_TEST_SUITE_P(Versions, Outbound, kVersions, version_name);

TEST_P(Outbound, begins_with_connect_which_is_seen_when_it_is_whole) {
  Connection connection(GetParam());
  const std::string connect = mqtt::connect(GetParam());
  EXPECT_EQ(connection.client_in_pieces(connect.substr(0, connect.size() - 1), 3), "");
  EXPECT_FALSE(connection.filter().connect_seen());
  EXPECT_EQ(connection.client(connect.substr(connect.size() - 1)), "");
  EXPECT_TRUE(connection.filter().connect_seen());
}

TEST_P(Outbound, nothing_goes_before_connect_and_no_second_one) {
  Connection connection(GetParam());
  EXPECT_EQ(connection.client("\xC0\0"s), "the client library writes PINGREQ before CONNECT");
  Established second(GetParam());
  EXPECT_EQ(second.client(mqtt::connect(GetParam())), "the client library writes a second CONNECT");
}

TEST_P(Outbound, connect_is_of_the_version_that_the_filter_is_for) {
  Connection connection(GetParam());
  EXPECT_THAT(connection.client(mqtt::connect(other())), HasSubstr("another protocol version"));
  EXPECT_FALSE(connection.filter().connect_seen());
}

TEST_P(Outbound, acknowledgements_are_not_the_client_librarys) {
  for (const std::string& packet : {mqtt::puback(1), mqtt::pubrec(1), mqtt::pubcomp(1)}) {
    Established connection(GetParam());
    const base::Status status = connection.filter().outbound(packet);
    EXPECT_EQ(status.kind(), base::ErrorKind::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("but it never gets a message"));
  }
}

TEST_P(Outbound, types_of_a_broker_are_errors) {
  for (const unsigned first : {0x00U, 0x20U, 0x90U, 0xB0U, 0xD0U, 0xF0U}) {
    Established connection(GetParam());
    EXPECT_THAT(connection.client(mqtt::packet(first, "")), HasSubstr("does not send here"));
  }
}

TEST_P(Outbound, everything_a_client_writes_may_come_in_pieces) {
  const std::string body(100'000, 'x');
  const std::string all = mqtt::publish(GetParam(), {.payload = body}) +
                          mqtt::publish(GetParam(), {.payload = body, .qos = 1, .id = 1}) +
                          mqtt::publish(GetParam(), {.qos = 2, .id = 2}) + mqtt::pubrel(3) +
                          mqtt::subscribe(GetParam(), 4, {"a", "", "long/filter/#"}) + "\xC0\0"s +
                          mqtt::unsubscribe(GetParam(), 5, {"a", "b"}) + mqtt::packet(0xE0, "");
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U, 1'000'000U}) {
    Established connection(GetParam());
    ASSERT_EQ(connection.client_in_pieces(all, piece), "");
    ASSERT_EQ(connection.broker(mqtt::puback(1) + mqtt::pubrec(2) + mqtt::pubcomp(3) +
                                mqtt::suback(GetParam(), 4, "\1\1\1") +
                                mqtt::unsuback(GetParam(), 5, GetParam() == k5 ? "\0\0"s : "")),
              "")
        << "pieces of " << piece;
  }
}

TEST_P(Outbound, requests_that_end_too_early_are_errors) {
  const std::string none = mqtt::properties(GetParam());
  for (const std::string& packet :
       {mqtt::packet(0x10, "\0\4MQ"s), mqtt::packet(0x32, "\0"s), mqtt::packet(0x32, "\0\1t\0"s),
        mqtt::packet(0x32, "\0\x9t\0\1"s), mqtt::packet(0x62, "\0"s),
        mqtt::packet(0x82, "\0\1"s + none), mqtt::packet(0x82, "\0\1"s + none + "\0\1t"s),
        mqtt::packet(0x82, "\0\1"s + none + "\0\1t\0\0"s), mqtt::packet(0x82, ""),
        mqtt::packet(0xA2, "\0\1"s + none), mqtt::packet(0xA2, "\0\1"s + none + "\0\2t"s)}) {
    const bool connect = packet[0] == '\x10';
    Connection connection(GetParam());
    if (!connect) connection.client(mqtt::connect(GetParam()));
    EXPECT_THAT(connection.client(packet), HasSubstr("malformed")) << hex(packet);
  }
}

TEST_P(Outbound, other_nonsense_is_an_error) {
  for (const std::string& packet :
       {mqtt::packet(0x36, "\0\1t\0\1"s), mqtt::packet(0x32, "\0\1t\0\0\0"s), mqtt::pubrel(0),
        mqtt::subscribe(GetParam(), 0, {"t"}), "\xC0\xff\xff\xff\xff"s}) {
    Established connection(GetParam());
    EXPECT_THAT(connection.client(packet), HasSubstr("the client library writes")) << hex(packet);
  }
  Established properties(k5);
  EXPECT_THAT(properties.client(mqtt::packet(0x82, "\0\1\x80\x80\x80\x80\0\0\1t\0"s)),
              HasSubstr("malformed property length"));
}

TEST(Outbound5, properties_of_requests_are_skipped) {
  Established connection(k5);
  EXPECT_EQ(connection.client(mqtt::packet(
                0x82, mqtt::u16(1) + mqtt::properties(k5, "\xB\5") + mqtt::text("a") + "\1")),
            "");
  EXPECT_EQ(connection.broker(mqtt::suback(k5, 1, "\1")), "");
}

TEST(OwnPackets, are_the_shortest_form) {
  std::string out;
  packets::append_puback(0x1234, out);
  packets::append_pubrec(1, out);
  packets::append_pubcomp(65'535, out);
  packets::append_pingreq(out);
  EXPECT_EQ(hex(out), "40 02 12 34 50 02 00 01 70 02 ff ff c0 00");
}

}  // namespace
}  // namespace dapr_mqtt::testing
