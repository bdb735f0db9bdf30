// Writes the packets that the client library gets. The broker's packets are not passed on as they
// came, but written again from what was parsed.
//
// Paho 1.3.12 and 1.3.14 parse every well-formed packet without reading past its end, except
// where noted below. The packets are written again all the same, so that Paho sees only a few
// forms: the remaining length in its shortest encoding, and only those MQTT 5 properties that Paho
// or our code uses. Each other property costs Paho several allocations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "packets/packet_type.h"

namespace dapr_mqtt::packets {

// Each function replaces `packet`.

/// MQTT 5: always has a property length, since Paho 1.3.12 frees properties that it never
/// initialised when there is none (MQTTPacket_connack). Keeps Receive Maximum and Server Keep
/// Alive, the only ones that Paho reads; but not a Receive Maximum of 0, after which Paho would
/// never publish again.
void write_connack(core::ProtocolVersion protocol, const Connack& connack, std::string& packet);

/// PUBACK, PUBREC or PUBCOMP; `code` and `reason_string` are 0 and empty with MQTT 3.1.1.
/// A successful PUBREC is written without its reason string: Paho copies a PUBREC's properties and
/// never frees the copy (MQTTAsync_cycle).
void write_acknowledgement(PacketType type, std::uint16_t id, std::uint8_t code,
                           std::string_view reason_string, std::string& packet);

/// SUBACK or UNSUBACK.
void write_answer(core::ProtocolVersion protocol, PacketType type, std::uint16_t id,
                  std::string_view reason_string, std::string_view codes, std::string& packet);

void write_pingresp(std::string& packet);

}  // namespace dapr_mqtt::packets
