// MQTT's packet types by number and name, and the errors for faulty packets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::packets {

/// The upper four bits of a packet's first byte (section 2.2.1 of MQTT 3.1.1, 2.1.2 of MQTT 5).
enum class PacketType : std::uint8_t {
  kReserved = 0,
  kConnect = 1,
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSubscribe = 8,
  kSuback = 9,
  kUnsubscribe = 10,
  kUnsuback = 11,
  kPingreq = 12,
  kPingresp = 13,
  kDisconnect = 14,
  kAuth = 15,
};

/// E.g. "PUBACK"; "packet of type 0" for the reserved type.
std::string_view name_of(PacketType type);

/// Reason codes from here on are failures (MQTT 5 section 2.4; in MQTT 3.1.1, SUBACK's only).
inline constexpr std::uint8_t kFirstFailure = 0x80;

/// The first byte of a packet. Not for PUBLISH, the only type whose flags can vary.
constexpr std::uint8_t first_byte_of(PacketType type) {
  const bool flag = type == PacketType::kPubrel || type == PacketType::kSubscribe ||
                    type == PacketType::kUnsubscribe;
  return static_cast<std::uint8_t>((static_cast<unsigned>(type) << 4U) | (flag ? 2U : 0U));
}

/// UNAVAILABLE: "malformed PUBLISH from the broker: <what>".
base::Status malformed(PacketType type, std::string_view what);
/// UNAVAILABLE: "unexpected PUBACK from the broker: <what>", for a well-formed packet.
base::Status unexpected(PacketType type, std::string_view what);
/// INTERNAL: "the client library writes <what>".
base::Status client_writes(std::string_view what);

}  // namespace dapr_mqtt::packets
