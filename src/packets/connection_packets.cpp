#include "packets/connection_packets.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "packets/byte_reader.h"
#include "packets/packet_type.h"
#include "packets/properties.h"

namespace dapr_mqtt::packets {
namespace {

constexpr int kLastReturnCode = 5;  // MQTT 3.1.1 section 3.2.2.3
constexpr int kUnacceptableProtocol = 1;
constexpr std::size_t kMqtt311Size = 2;

base::Status connack_fault(std::string_view what) { return malformed(PacketType::kConnack, what); }

void apply(const Property& property, Connack& connack) {
  core::BrokerLimits& limits = connack.limits;
  const bool available = property.number != 0;
  switch (property.id) {
    case PropertyId::kReasonString: connack.reason_string = property.text; break;
    case PropertyId::kServerReference: connack.server_reference = property.text; break;
    // 0 is a protocol error in both of these; the default applies instead.
    case PropertyId::kReceiveMaximum:
      if (property.number > 0) limits.receive_maximum = property.number;
      break;
    case PropertyId::kMaximumPacketSize:
      if (property.number > 0) {
        limits.maximum_packet_size =
            std::min<std::size_t>(property.number, limits.maximum_packet_size);
      }
      break;
    case PropertyId::kMaximumQos:
      limits.maximum_qos = property.number == 0 ? core::QoS::kAtMostOnce : core::QoS::kAtLeastOnce;
      break;
    case PropertyId::kRetainAvailable: limits.retain_available = available; break;
    case PropertyId::kWildcardSubscriptionAvailable: limits.wildcards_available = available; break;
    case PropertyId::kSharedSubscriptionAvailable: limits.shared_available = available; break;
    case PropertyId::kSubscriptionIdentifierAvailable:
      limits.subscription_ids_available = available;
      break;
    case PropertyId::kTopicAliasMaximum: limits.topic_alias_maximum = property.number; break;
    case PropertyId::kServerKeepAlive:
      limits.server_keep_alive = std::chrono::seconds(property.number);
      break;
    case PropertyId::kSessionExpiryInterval:
      limits.session_expiry = std::chrono::seconds(property.number);
      break;
    case PropertyId::kAssignedClientIdentifier: limits.assigned_client_id = property.text; break;
    default: break;
  }
}

base::Status check_code(core::ProtocolVersion protocol, std::size_t size, int code) {
  const std::string text = std::to_string(code);
  if (protocol == core::ProtocolVersion::kMqtt311) {
    if (code > kLastReturnCode) return connack_fault("unknown return code " + text);
    return {};
  }
  if (size == kMqtt311Size) {
    // A broker that only knows MQTT 3.1.1 refuses an MQTT 5 client in its own format, and some
    // brokers of MQTT 5 leave out the property length when they have no properties.
    if (code <= kLastReturnCode) return {};
  }
  // Moquette 0.17 refuses with this code of MQTT 3.1.1, followed by MQTT 5's properties.
  if (code == kUnacceptableProtocol) return {};
  if (code != 0 && code < kFirstFailure) return connack_fault("unknown reason code " + text);
  return {};
}

}  // namespace

base::Status parse_connack(core::ProtocolVersion protocol, std::string_view body,
                           Connack& connack) {
  ByteReader reader(body);
  std::uint8_t flags = 0;
  std::uint8_t code = 0;
  if (!reader.u8(flags) || !reader.u8(code)) return connack_fault("it is cut off");
  if ((flags & ~1U) != 0) return connack_fault("reserved flags are set");
  if (base::Status status = check_code(protocol, body.size(), code); !status.ok()) return status;
  connack.session_present = flags != 0;
  connack.code = code;
  // MQTT-3.2.2-4 (3.1.1), MQTT-3.2.2-6 (5).
  if (connack.session_present && code != 0) return connack_fault("session present with a refusal");
  if (protocol == core::ProtocolVersion::kMqtt311 || body.size() == kMqtt311Size) {
    return reader.empty() ? base::Status() : connack_fault("it is longer than 2 bytes");
  }
  std::string_view block;
  if (base::Status status = take_properties(PacketType::kConnack, reader, block); !status.ok()) {
    return status;
  }
  if (!reader.empty()) return connack_fault("bytes are left after the properties");
  PropertyReader properties(PacketType::kConnack, block);
  Property property;
  while (properties.next(property)) apply(property, connack);
  return properties.status();
}

base::Status parse_disconnect(std::string_view body, Disconnect& disconnect) {
  // Section 3.14.2.1: reason code and properties may be left out. Whatever the code says, the
  // connection ends.
  ByteReader reader(body);
  std::uint8_t code = 0;
  if (!reader.u8(code)) return {};
  disconnect.code = code;
  if (reader.empty()) return {};
  std::string_view block;
  base::Status status = take_properties(PacketType::kDisconnect, reader, block);
  if (!status.ok()) return status;
  if (!reader.empty()) {
    return malformed(PacketType::kDisconnect, "bytes are left after the properties");
  }
  PropertyReader properties(PacketType::kDisconnect, block);
  Property property;
  while (properties.next(property)) {
    if (property.id == PropertyId::kReasonString) disconnect.reason_string = property.text;
    if (property.id == PropertyId::kServerReference) disconnect.server_reference = property.text;
  }
  return properties.status();
}

}  // namespace dapr_mqtt::packets
