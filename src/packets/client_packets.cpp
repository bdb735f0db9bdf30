#include "packets/client_packets.h"

#include <cstddef>

#include "packets/properties.h"
#include "packets/variable_byte_integer.h"

namespace dapr_mqtt::packets {
namespace {

void append_u16(std::size_t value, std::string& out) {
  out += static_cast<char>((value >> 8U) & 0xFFU);
  out += static_cast<char>(value & 0xFFU);
}

void append_u16_property(PropertyId id, std::size_t value, std::string& out) {
  out += static_cast<char>(id);
  append_u16(value, out);
}

/// Property length and the reason string, if there is one.
void append_reason_string(std::string_view text, std::string& out) {
  constexpr std::size_t kIdentifierAndLength = 3;
  const std::size_t size = text.empty() ? 0 : kIdentifierAndLength + text.size();
  append_variable_byte_integer(static_cast<std::uint32_t>(size), out);
  if (text.empty()) return;
  append_u16_property(PropertyId::kReasonString, text.size(), out);
  out += text;
}

void begin(PacketType type, std::size_t remaining, std::string& packet) {
  packet.clear();
  packet += static_cast<char>(first_byte_of(type));
  append_variable_byte_integer(static_cast<std::uint32_t>(remaining), packet);
}

}  // namespace

void write_connack(core::ProtocolVersion protocol, const Connack& connack, std::string& packet) {
  std::string body;
  body += static_cast<char>(connack.session_present ? 1 : 0);
  body += static_cast<char>(connack.code);
  if (protocol == core::ProtocolVersion::kMqtt5) {
    std::string properties;
    const core::BrokerLimits& limits = connack.limits;
    if (limits.receive_maximum != core::BrokerLimits().receive_maximum) {
      append_u16_property(PropertyId::kReceiveMaximum, limits.receive_maximum, properties);
    }
    if (limits.server_keep_alive) {
      append_u16_property(PropertyId::kServerKeepAlive,
                          static_cast<std::size_t>(limits.server_keep_alive->count()), properties);
    }
    append_variable_byte_integer(static_cast<std::uint32_t>(properties.size()), body);
    body += properties;
  }
  begin(PacketType::kConnack, body.size(), packet);
  packet += body;
}

void write_acknowledgement(PacketType type, std::uint16_t id, std::uint8_t code,
                           std::string_view reason_string, std::string& packet) {
  if (type == PacketType::kPubrec && code < kFirstFailure) reason_string = {};
  std::string after_id;
  if (code != 0 || !reason_string.empty()) after_id += static_cast<char>(code);
  if (!reason_string.empty()) append_reason_string(reason_string, after_id);
  begin(type, 2 + after_id.size(), packet);
  append_u16(id, packet);
  packet += after_id;
}

void write_answer(core::ProtocolVersion protocol, PacketType type, std::uint16_t id,
                  std::string_view reason_string, std::string_view codes, std::string& packet) {
  std::string body;
  append_u16(id, body);
  if (protocol == core::ProtocolVersion::kMqtt5) append_reason_string(reason_string, body);
  for (const char code : codes) {
    // MQTT 3.1.1 has only this failure code, and the client library knows no other.
    const bool failure = static_cast<std::uint8_t>(code) >= kFirstFailure;
    body += failure && protocol == core::ProtocolVersion::kMqtt311
                ? static_cast<char>(kFirstFailure)
                : code;
  }
  begin(type, body.size(), packet);
  packet += body;
}

void write_pingresp(std::string& packet) { begin(PacketType::kPingresp, 0, packet); }

}  // namespace dapr_mqtt::packets
