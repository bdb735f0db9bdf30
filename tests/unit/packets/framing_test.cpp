// Where packets begin and end, and which types a broker may send.
#include <gmock/gmock.h>

#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using std::string_literals::operator""s;

class Framing : public ::testing::TestWithParam<ProtocolVersion> {
 protected:
  /// One connection with all that a broker may send, split into pieces for `Connection::broker`.
  void run(Connection& connection, std::size_t piece) const {
    const ProtocolVersion version = GetParam();
    const std::string reason = "\x1F" + mqtt::text("why");
    ASSERT_EQ(
        connection.client_in_pieces(
            mqtt::connect(version) + mqtt::publish(version, {.qos = 1, .id = 1}) +
                mqtt::publish(version, {.payload = "p", .qos = 2, .id = 2}) +
                mqtt::subscribe(version, 3, {"a", "b"}) + mqtt::unsubscribe(version, 4, {"c"}),
            piece),
        "");
    std::string bytes = mqtt::connack(version, true, 0, "\x21"s + mqtt::u16(9) + reason);
    bytes += mqtt::puback(1) + mqtt::suback(version, 3, "\1\x80", reason) +
             mqtt::unsuback(version, 4, version == k5 ? "\0"s : "", reason) + mqtt::pubrec(2) +
             mqtt::pingresp() + mqtt::pubrel(77);
    bytes += mqtt::publish(version, {.topic = "some/topic",
                                     .payload = std::string(300, 'p'),
                                     .qos = 1,
                                     .id = 8,
                                     .properties = "\x26" + mqtt::text("k") + mqtt::text("v") +
                                                   "\3" + mqtt::text("text")});
    bytes += mqtt::publish(version, {.payload = std::string(2000, 'q')});
    bytes += mqtt::publish(version, {.payload = ""});
    if (version == k5) bytes += mqtt::disconnect(0x8B, reason);
    ASSERT_EQ(connection.broker_in_pieces(bytes, piece), "");
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, Framing, kVersions, version_name);

TEST_P(Framing, pieces_of_any_size_amount_to_the_same_events) {
  Connection whole(GetParam(), 1500);
  run(whole, 1U << 20U);
  EXPECT_EQ(whole.lines().size(), GetParam() == k5 ? 12U : 11U);
  for (std::size_t piece = 1; piece < 400; ++piece) {
    Connection connection(GetParam(), 1500);
    run(connection, piece);
    ASSERT_EQ(connection.lines(), whole.lines()) << "pieces of " << piece;
  }
}

TEST_P(Framing, a_remaining_length_has_four_bytes_at_most) {
  Established connection(GetParam());
  EXPECT_EQ(connection.broker("\x30\xff\xff\xff\xff\x01"),
            "malformed PUBLISH from the broker: its remaining length is longer than 4 bytes");
  Established longest(GetParam());
  EXPECT_EQ(longest.broker("\x30\xff\xff\xff\x7f"), "");
}

TEST_P(Framing, a_remaining_length_may_be_longer_than_needed) {
  Established connection(GetParam());
  EXPECT_EQ(connection.broker("\xD0\x80\x80\0"s), "");
  EXPECT_EQ(connection.events().for_client.at(0), mqtt::pingresp());
}

TEST_P(Framing, types_that_a_broker_does_not_send_are_malformed) {
  for (const unsigned first : {0x00U, 0x0FU, 0x10U, 0x82U, 0xA2U, 0xC0U}) {
    Established connection(GetParam());
    EXPECT_THAT(connection.broker(mqtt::packet(first, "\0\1"s)),
                HasSubstr(" from the broker: a broker does not send it"));
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
}

TEST_P(Framing, reserved_flags_are_malformed) {
  for (const unsigned type : {0x20U, 0x40U, 0x50U, 0x70U, 0x90U, 0xB0U, 0xD0U}) {
    for (unsigned flags = 1; flags < 16; ++flags) {
      Connection connection(GetParam());
      connection.client(mqtt::connect(GetParam()));
      if (type != 0x20U) connection.broker(mqtt::connack(GetParam()));
      EXPECT_THAT(connection.broker(mqtt::u8(type | flags) + "\0"s),
                  HasSubstr("the flags of its fixed header are wrong"));
    }
  }
}

TEST_P(Framing, an_error_comes_after_the_events_before_it) {
  Established connection(GetParam());
  EXPECT_THAT(connection.broker(mqtt::pingresp() + "\0\0"s + mqtt::pingresp()),
              HasSubstr("malformed packet of type 0"));
  EXPECT_EQ(connection.lines().size(), 1U);
}

}  // namespace
}  // namespace dapr_mqtt::testing
