// A filter whose events are recorded as lines of text, which tests compare.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/packets/packet_filter.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::testing {

using core::ProtocolVersion;
inline constexpr ProtocolVersion k311 = ProtocolVersion::kMqtt311;
inline constexpr ProtocolVersion k5 = ProtocolVersion::kMqtt5;

// For INSTANTIATE_TEST_SUITE_P.
inline const auto kVersions = ::testing::Values(k311, k5);
inline std::string version_name(const ::testing::TestParamInfo<ProtocolVersion>& info) {
  return info.param == k5 ? "mqtt5" : "mqtt311";
}

inline std::string hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (!out.empty()) out += ' ';
    out += kDigits[value >> 4U];
    out += kDigits[value & 0xFU];
  }
  return out;
}

class RecordedEvents : public packets::BrokerEvents {
 public:
  void on_connack(const packets::Connack& connack) override {
    connacks.push_back(connack);
    lines.push_back("connack " + std::to_string(connack.code) +
                    (connack.session_present ? " session present" : "") + " " +
                    connack.reason_string);
  }
  void on_publish(core::IncomingMessage message) override {
    std::string line = "publish " + message.topic + " id " + std::to_string(message.packet.id) +
                       " qos " + std::to_string(core::to_int(message.qos)) + " payload " +
                       message.payload;
    if (message.properties) line += " properties " + properties_text(*message.properties);
    if (message.full_size > 0) line += " of " + std::to_string(message.full_size);
    lines.push_back(line);
    messages.push_back(std::move(message));
  }
  void on_pubrel(std::uint16_t id) override { lines.push_back("pubrel " + std::to_string(id)); }
  void on_disconnect(const packets::Disconnect& disconnect) override {
    disconnects.push_back(disconnect);
    lines.push_back("disconnect " + std::to_string(disconnect.code) + " " +
                    disconnect.reason_string);
  }
  void on_packet_for_client(std::string_view packet) override {
    for_client.emplace_back(packet);
    lines.push_back("for client " + hex(packet));
  }

  std::vector<std::string> lines;
  std::vector<packets::Connack> connacks;
  std::vector<packets::Disconnect> disconnects;
  std::vector<core::IncomingMessage> messages;
  std::vector<std::string> for_client;

 private:
  static std::string properties_text(const core::MessageProperties& properties) {
    std::string out = properties.content_type + "|" + properties.response_topic + "|" +
                      properties.correlation_data + "|";
    if (properties.expiry) out += std::to_string(properties.expiry->count());
    for (const auto& [name, value] : properties.user_properties) out += "|" + name + "=" + value;
    return out;
  }
};

/// A connection's filter.
class Connection {
 public:
  explicit Connection(ProtocolVersion protocol, std::size_t max_payload = 268'435'455)
      : protocol_(protocol), filter_({protocol, max_payload}) {}

  /// Bytes that the client library writes. Returns the error's text, or an empty one.
  std::string client(std::string_view bytes) { return text(filter_.outbound(bytes)); }
  /// Bytes that the broker sends; likewise.
  std::string broker(std::string_view bytes) { return text(filter_.inbound(bytes, events_)); }
  /// In pieces of `size` bytes.
  std::string broker_in_pieces(std::string_view bytes, std::size_t size) {
    return in_pieces(bytes, size, [this](std::string_view piece) { return broker(piece); });
  }
  std::string client_in_pieces(std::string_view bytes, std::size_t size) {
    return in_pieces(bytes, size, [this](std::string_view piece) { return client(piece); });
  }

  ProtocolVersion protocol() const { return protocol_; }
  packets::PacketFilter& filter() { return filter_; }
  RecordedEvents& events() { return events_; }
  const std::vector<std::string>& lines() const { return events_.lines; }

 private:
  static std::string text(const base::Status& status) { return status.message(); }
  template <typename Take>
  static std::string in_pieces(std::string_view bytes, std::size_t size, Take take) {
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      if (std::string error = take(bytes.substr(at, size)); !error.empty()) return error;
    }
    return {};
  }

  const ProtocolVersion protocol_;
  packets::PacketFilter filter_;
  RecordedEvents events_;
};

/// A connection after CONNECT and a successful CONNACK, whose events were cleared.
class Established : public Connection {
 public:
  explicit Established(ProtocolVersion protocol, std::size_t max_payload = 268'435'455)
      : Connection(protocol, max_payload) {
    client(mqtt::connect(protocol));
    broker(mqtt::connack(protocol));
    events() = RecordedEvents();
  }
};

}  // namespace dapr_mqtt::testing
