// The memory that an input needs while it arrives.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMiB = 1U << 20U;
constexpr std::size_t kSmall = 64U << 10U;

class Memory : public ::testing::TestWithParam<ProtocolVersion> {};
INSTANTIATE_TEST_SUITE_P(Versions, Memory, kVersions, version_name);

/// The bytes of a PUBLISH before a payload of `size` bytes.
std::string before_payload(ProtocolVersion version, std::size_t size, unsigned qos) {
  const std::string head =
      mqtt::text("t") + (qos > 0 ? mqtt::u16(1) : "") + mqtt::properties(version);
  return mqtt::u8(0x30U | (qos << 1U)) + mqtt::variable(head.size() + size) + head;
}

/// Sends `size` bytes of payload. Returns the most memory that the filter held meanwhile.
std::size_t send_payload(Connection& connection, std::size_t size) {
  const std::string piece(kSmall, 'x');
  std::size_t most = connection.filter().bytes_held();
  for (std::size_t sent = 0; sent < size;) {
    const std::size_t now = std::min(piece.size(), size - sent);
    EXPECT_EQ(connection.broker(std::string_view(piece).substr(0, now)), "");
    sent += now;
    most = std::max(most, connection.filter().bytes_held());
  }
  return most;
}

TEST_P(Memory, a_payload_over_the_limit_is_not_kept) {
  for (const unsigned qos : {0U, 1U, 2U}) {
    Established connection(GetParam(), 4 * kMiB);
    EXPECT_EQ(connection.broker(before_payload(GetParam(), 200 * kMiB, qos)), "");
    EXPECT_LE(send_payload(connection, 200 * kMiB), kSmall);
    ASSERT_EQ(connection.events().messages.size(), 1U);
    EXPECT_EQ(connection.events().messages[0].full_size, 200 * kMiB);
  }
}

TEST_P(Memory, a_payload_takes_no_more_than_twice_what_has_arrived) {
  constexpr std::size_t kSize = 32 * kMiB + 12'345;
  Established connection(GetParam());
  connection.broker(before_payload(GetParam(), kSize, 1));
  for (std::size_t sent = 0; sent + kSmall < kSize; sent += kSmall) {
    send_payload(connection, kSmall);
    ASSERT_LE(connection.filter().bytes_held(), 2 * (sent + kSmall) + 1024);
  }
  EXPECT_LE(send_payload(connection, kSize % kSmall), kSize + 1024);
  ASSERT_EQ(connection.events().messages.size(), 1U);
  EXPECT_EQ(connection.events().messages[0].payload.size(), kSize);
  EXPECT_LE(connection.events().messages[0].payload.capacity(), kSize + 1024);
  EXPECT_LE(connection.filter().bytes_held(), 4200U);
}

TEST_P(Memory, announcing_much_costs_nothing) {
  Established connection(GetParam());
  connection.broker("\x30\xff\xff\xff\x7f");
  EXPECT_LE(connection.filter().bytes_held(), 4200U);
  connection.broker(mqtt::text("t") + mqtt::properties(GetParam()) + "x");
  EXPECT_LE(connection.filter().bytes_held(), kSmall + 1024);
}

TEST_P(Memory, large_control_packets_are_malformed_at_their_header) {
  Established connection(GetParam());
  EXPECT_THAT(connection.broker(mqtt::u8(0x40) +
                                mqtt::variable(packets::PacketFilter::kMaxControlPacket + 1)),
              HasSubstr("malformed PUBACK from the broker: it is too large"));
}

TEST(Memory5, of_a_large_control_packet_is_given_back) {
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 1, .id = 1}));
  const std::string packet =
      mqtt::acknowledgement5(0x40, 1, 0x80, "\x1F" + mqtt::text(std::string(65'000, 'x')));
  EXPECT_EQ(connection.broker_in_pieces(packet, 1000), "");
  EXPECT_EQ(connection.events().for_client.at(0), packet);
  EXPECT_LE(connection.filter().bytes_held(), 4200U);
}

TEST(Memory5, of_a_large_head_is_given_back_before_the_payload) {
  Established connection(k5);
  const std::string packet = mqtt::publish(
      k5, {.payload = "ab",
           .properties = "\x26" + mqtt::text(std::string(60'000, 'x')) + mqtt::text("")});
  EXPECT_EQ(connection.broker_in_pieces(packet.substr(0, packet.size() - 1), 1000), "");
  EXPECT_LE(connection.filter().bytes_held(), 4200U);
  EXPECT_EQ(connection.broker("b"), "");
  EXPECT_EQ(connection.events().messages.at(0).payload, "ab");
}

}  // namespace
}  // namespace dapr_mqtt::testing
