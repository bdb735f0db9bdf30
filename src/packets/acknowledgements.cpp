#include "packets/acknowledgements.h"

#include <cstddef>
#include <string>

#include "packets/byte_reader.h"
#include "packets/properties.h"

namespace dapr_mqtt::packets {
namespace {

constexpr std::uint8_t kNoMatchingSubscribers = 0x10;
constexpr std::uint8_t kNoSubscriptionExisted = 0x11;

/// Tables of sections 3.4.2.1, 3.5.2.1, 3.9.3 and 3.11.3. Every failure code is accepted: a broker
/// may use codes that MQTT 5 does not define.
bool valid_code(core::ProtocolVersion protocol, PacketType type, std::uint8_t code) {
  if (type == PacketType::kSuback && code <= 2) return true;  // the granted QoS
  if (code >= kFirstFailure) return true;  // ejabberd 24.12 sends MQTT 5's in 3.1.1
  if (protocol == core::ProtocolVersion::kMqtt311) return false;
  if (code == 0) return true;
  switch (type) {
    case PacketType::kPuback:
    case PacketType::kPubrec: return code == kNoMatchingSubscribers;
    case PacketType::kUnsuback: return code == kNoSubscriptionExisted;
    default: return false;
  }
}

base::Status check_code(core::ProtocolVersion protocol, PacketType type, std::uint8_t code) {
  if (valid_code(protocol, type, code)) return {};
  return malformed(type, "unknown reason code " + std::to_string(code));
}

base::Status take_id(PacketType type, ByteReader& reader, std::uint16_t& id) {
  if (!reader.u16(id)) return malformed(type, "no packet identifier");
  if (id == 0) return malformed(type, "packet identifier 0");
  return {};
}

base::Status take_reason_string(PacketType type, ByteReader& reader, std::string_view& out) {
  std::string_view block;
  base::Status status = take_properties(type, reader, block);
  return status.ok() ? read_reason_string(type, block, out) : status;
}

}  // namespace

base::Status parse_acknowledgement(core::ProtocolVersion protocol, PacketType type,
                                   std::string_view body, Acknowledgement& out) {
  ByteReader reader(body);
  if (base::Status status = take_id(type, reader, out.id); !status.ok()) return status;
  if (reader.empty()) return {};
  if (protocol == core::ProtocolVersion::kMqtt311) {
    return malformed(type, "it is longer than 2 bytes");
  }
  // The reason code may be left out when it is 0, and the properties when there are none.
  if (reader.u8(out.code) && !valid_code(protocol, type, out.code)) {
    // A code below 0x80 is a success (section 4.13.1): mochi-mqtt writes the QoS of the PUBLISH.
    out.code = 0;
  }
  if (reader.empty()) return {};
  base::Status status = take_reason_string(type, reader, out.reason_string);
  if (status.ok() && !reader.empty()) {
    return malformed(type, "bytes are left after the properties");
  }
  return status;
}

base::Status parse_answer(core::ProtocolVersion protocol, PacketType type, std::string_view body,
                          Answer& out) {
  ByteReader reader(body);
  if (base::Status status = take_id(type, reader, out.id); !status.ok()) return status;
  if (protocol == core::ProtocolVersion::kMqtt5) {
    base::Status status = take_reason_string(type, reader, out.reason_string);
    if (!status.ok()) return status;
  } else if (type == PacketType::kUnsuback) {
    return reader.empty() ? base::Status() : malformed(type, "it is longer than 2 bytes");
  }
  out.codes = reader.rest();
  for (const char code : out.codes) {
    base::Status status = check_code(protocol, type, static_cast<std::uint8_t>(code));
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace dapr_mqtt::packets
