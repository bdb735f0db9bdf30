// MQTT packets as bytes, for scripted brokers: what a broker sends, and what a client sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::testing::mqtt {

using core::ProtocolVersion;

// Data types (section 1.5). Numbers are cut to their size, so that tests can write nonsense too.

inline std::string u8(std::size_t value) { return {static_cast<char>(value & 0xFFU)}; }
inline std::string u16(std::size_t value) { return u8(value >> 8U) + u8(value); }
inline std::string u32(std::size_t value) { return u16(value >> 16U) + u16(value); }
inline std::string text(std::string_view value) { return u16(value.size()) + std::string(value); }
inline std::string variable(std::size_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out += u8((value & 0x7FU) | 0x80U);
  return out + u8(value);
}

inline std::string packet(std::size_t first_byte, std::string_view body) {
  return u8(first_byte) + variable(body.size()) + std::string(body);
}

/// The MQTT 5 properties of a packet with their length; nothing with MQTT 3.1.1.
inline std::string properties(ProtocolVersion protocol, std::string_view block = {}) {
  if (protocol == ProtocolVersion::kMqtt311) return {};
  return variable(block.size()) + std::string(block);
}

// What a broker sends. `properties` are without their length, for example
// "\x1F" + text("why") for a reason string; MQTT 3.1.1 leaves them out.

inline std::string connack(ProtocolVersion protocol, bool session_present = false,
                           std::size_t code = 0, std::string_view block = {}) {
  return packet(0x20, u8(session_present ? 1 : 0) + u8(code) + properties(protocol, block));
}

struct Publish {
  std::string topic = "t";
  std::string payload = {};
  unsigned qos = 0;
  std::uint16_t id = 1;  // not sent with QoS 0
  bool retain = false;
  bool duplicate = false;
  std::string properties = {};
};
inline std::string publish(ProtocolVersion protocol, const Publish& message) {
  const unsigned flags =
      (message.duplicate ? 8U : 0U) | (message.qos << 1U) | (message.retain ? 1U : 0U);
  return packet(0x30U | flags, text(message.topic) + (message.qos > 0 ? u16(message.id) : "") +
                                   properties(protocol, message.properties) + message.payload);
}

/// PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70) in its shortest form.
inline std::string acknowledgement(std::size_t first_byte, std::size_t id) {
  return packet(first_byte, u16(id));
}
/// The same packets with reason code and properties (MQTT 5).
inline std::string acknowledgement5(std::size_t first_byte, std::size_t id, std::size_t code,
                                    std::string_view block = {}) {
  return packet(first_byte, u16(id) + u8(code) + properties(ProtocolVersion::kMqtt5, block));
}
inline std::string puback(std::size_t id) { return acknowledgement(0x40, id); }
inline std::string pubrec(std::size_t id) { return acknowledgement(0x50, id); }
inline std::string pubrel(std::size_t id) { return acknowledgement(0x62, id); }
inline std::string pubcomp(std::size_t id) { return acknowledgement(0x70, id); }

/// `codes`: a byte for each topic filter.
inline std::string suback(ProtocolVersion protocol, std::size_t id, std::string_view codes,
                          std::string_view block = {}) {
  return packet(0x90, u16(id) + properties(protocol, block) + std::string(codes));
}
/// No codes with MQTT 3.1.1.
inline std::string unsuback(ProtocolVersion protocol, std::size_t id, std::string_view codes = {},
                            std::string_view block = {}) {
  return packet(0xB0, u16(id) + properties(protocol, block) + std::string(codes));
}
inline std::string pingresp() { return packet(0xD0, {}); }
/// MQTT 5.
inline std::string disconnect(std::size_t code, std::string_view block = {}) {
  return packet(0xE0, u8(code) + properties(ProtocolVersion::kMqtt5, block));
}

// What a client sends.

/// CONNECT without a will or credentials.
inline std::string connect(ProtocolVersion protocol, std::string_view client_id = "client",
                           bool clean = true, std::size_t keep_alive = 60) {
  const std::size_t level = protocol == ProtocolVersion::kMqtt5 ? 5 : 4;
  return packet(0x10, text("MQTT") + u8(level) + u8(clean ? 2 : 0) + u16(keep_alive) +
                          properties(protocol) + text(client_id));
}
inline std::string subscribe(ProtocolVersion protocol, std::size_t id,
                             const std::vector<std::string>& filters, std::size_t options = 1) {
  std::string body = u16(id) + properties(protocol);
  for (const std::string& filter : filters) body += text(filter) + u8(options);
  return packet(0x82, body);
}
inline std::string unsubscribe(ProtocolVersion protocol, std::size_t id,
                               const std::vector<std::string>& filters) {
  std::string body = u16(id) + properties(protocol);
  for (const std::string& filter : filters) body += text(filter);
  return packet(0xA2, body);
}

/// A packet of a client, as far as a scripted broker needs to know it.
struct ClientPacket {
  unsigned type = 0;   ///< 1 CONNECT, 3 PUBLISH, 8 SUBSCRIBE, …
  unsigned flags = 0;  ///< the lower four bits of the first byte
  std::string body;
  std::uint16_t id = 0;              ///< of PUBLISH with QoS 1 and 2, and all that have one
  std::string topic;                 ///< of PUBLISH
  std::string payload;               ///< of PUBLISH
  std::vector<std::string> filters;  ///< of SUBSCRIBE and UNSUBSCRIBE
  std::string client_id;             ///< of CONNECT
  unsigned connect_flags = 0;        ///< of CONNECT
  std::size_t keep_alive = 0;        ///< of CONNECT
  unsigned qos() const { return (flags >> 1U) & 3U; }
};

/// Reads from the front of a text. Past its end, all values are 0 or empty.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  std::string_view rest() const { return rest_; }
  std::string take(std::size_t count) {
    std::string out(rest_.substr(0, count));
    rest_.remove_prefix(out.size());
    return out;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const char byte : take(bytes)) value = (value << 8U) | static_cast<unsigned char>(byte);
    return value;
  }
  std::string string() { return take(number(2)); }
  std::size_t variable() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::size_t byte = number(1);
      value |= (byte & 0x7FU) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

 private:
  std::string_view rest_;
};

/// The size of the packet at the front of `bytes`, header included; none when it is not complete.
inline std::optional<std::size_t> whole_packet(std::string_view bytes) {
  for (std::size_t end = 1; end < bytes.size() && end <= 4; ++end) {
    if (static_cast<unsigned char>(bytes[end]) >= 0x80) continue;
    const std::size_t size = end + 1 + Cursor(bytes.substr(1)).variable();
    return bytes.size() >= size ? std::optional(size) : std::nullopt;
  }
  return std::nullopt;
}

/// Removes the packet at the front of `bytes` and returns it; none when it is not complete yet.
inline std::optional<ClientPacket> take_client_packet(ProtocolVersion protocol,
                                                      std::string& bytes) {
  const auto size = whole_packet(bytes);
  if (!size) return std::nullopt;
  const std::string whole = bytes.substr(0, *size);
  bytes.erase(0, *size);

  ClientPacket out;
  Cursor header(whole);
  const std::size_t first = header.number(1);
  (void)header.variable();
  out.type = static_cast<unsigned>(first >> 4U);
  out.flags = static_cast<unsigned>(first & 0xFU);
  out.body = header.rest();

  Cursor body(out.body);
  const auto skip_properties = [&] {
    if (protocol == ProtocolVersion::kMqtt5) body.take(body.variable());
  };
  const auto read_id = [&] { out.id = static_cast<std::uint16_t>(body.number(2)); };
  switch (out.type) {
    case 1:
      body.take(7);  // protocol name and level
      out.connect_flags = static_cast<unsigned>(body.number(1));
      out.keep_alive = body.number(2);
      skip_properties();
      out.client_id = body.string();
      break;
    case 3:
      out.topic = body.string();
      if (out.qos() > 0) read_id();
      skip_properties();
      out.payload = body.rest();
      break;
    case 8:
    case 10:
      read_id();
      skip_properties();
      while (!body.rest().empty()) {
        out.filters.push_back(body.string());
        if (out.type == 8) body.take(1);
      }
      break;
    case 4:
    case 5:
    case 6:
    case 7: read_id(); break;
    default: break;
  }
  return out;
}

}  // namespace dapr_mqtt::testing::mqtt
