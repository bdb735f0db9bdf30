// The broker's answers to the client's requests, and PUBREL: packets that begin with the packet
// identifier of an earlier packet (sections 3.4 to 3.7, 3.9 and 3.11).
#pragma once

#include <cstdint>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "packets/packet_type.h"

namespace dapr_mqtt::packets {

/// PUBACK, PUBREC, PUBREL or PUBCOMP. The views point into the body.
struct Acknowledgement {
  std::uint16_t id = 0;  // never 0
  std::uint8_t code = 0;
  std::string_view reason_string;
};
base::Status parse_acknowledgement(core::ProtocolVersion protocol, PacketType type,
                                   std::string_view body, Acknowledgement& out);

/// SUBACK or UNSUBACK.
struct Answer {
  std::uint16_t id = 0;  // never 0
  std::string_view reason_string;
  std::string_view codes;  // one for each topic filter; none in an UNSUBACK of MQTT 3.1.1
};
base::Status parse_answer(core::ProtocolVersion protocol, PacketType type, std::string_view body,
                          Answer& out);

}  // namespace dapr_mqtt::packets
