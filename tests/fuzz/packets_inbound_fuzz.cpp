// A hostile broker against the packet filter. For any bytes, however they are cut into pieces: the
// events are the same, the memory is no more than what was sent, and the client library gets only
// what a strict client accepts.
//
// Input: version and limit (1 byte), number of requests (1), each of them (1), seed of the pieces
// (1), then the broker's bytes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/packets/packet_filter.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "fuzz/strict_client.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::fuzz {
namespace {

namespace mqtt = testing::mqtt;
using core::ProtocolVersion;

struct Script {
  ProtocolVersion protocol = ProtocolVersion::kMqtt311;
  std::size_t limit = 0;
  bool connected = false;  // the filter has seen CONNECT and CONNACK already
  std::string requests;    // a byte for each
};

/// A client on the filter: it checks what it gets, and answers PUBREC as Paho does.
class Client : public packets::BrokerEvents {
 public:
  explicit Client(const Script& script)
      : script_(script), filter_({script.protocol, script.limit}), strict_(script.protocol) {
    write(mqtt::connect(script.protocol));
    if (script.connected) receive(mqtt::connack(script.protocol));
    for (const char request : script.requests) ask(static_cast<unsigned char>(request));
  }

  /// False after an error.
  bool receive(std::string_view bytes) {
    arrived_ += bytes.size();
    const base::Status status = filter_.inbound(bytes, *this);
    if (!status.ok()) {
      require(status.kind() == base::ErrorKind::kUnavailable ||
                  status.kind() == base::ErrorKind::kFailedPrecondition,
              "the error names the broker as the cause");
      events_ += "error " + status.message() + "\n";
    }
    require(filter_.bytes_held() <= 2 * arrived_ + (68U << 10U), "no more memory than arrived");
    return status.ok();
  }
  const std::string& events() const { return events_; }

  void on_connack(const packets::Connack& connack) override {
    events_ += "connack " + std::to_string(connack.code) + connack.reason_string +
               connack.limits.assigned_client_id + std::to_string(connack.limits.receive_maximum) +
               "\n";
  }
  void on_publish(core::IncomingMessage message) override {
    require(!message.topic.empty(), "a topic");
    require((message.packet.id != 0) == (message.qos != core::QoS::kAtMostOnce),
            "an identifier with QoS 1 and 2");
    require(message.full_size > 0 ? message.payload.size() <= packets::PacketFilter::kFirstBytes
                                  : message.payload.size() <= script_.limit,
            "a payload over the limit is not kept");
    events_ += "publish " + message.topic + " " + message.payload + " " +
               std::to_string(message.packet.id) + " " + std::to_string(message.full_size);
    if (message.properties) {
      require(script_.protocol == ProtocolVersion::kMqtt5, "properties in MQTT 5 only");
      events_ += message.properties->content_type + "|" + message.properties->response_topic + "|" +
                 message.properties->correlation_data;
      for (const auto& [name, value] : message.properties->user_properties) {
        events_ += "|" + name + "=" + value;
      }
    }
    events_ += "\n";
  }
  void on_pubrel(std::uint16_t id) override {
    require(id != 0, "an identifier");
    events_ += "pubrel " + std::to_string(id) + "\n";
  }
  void on_disconnect(const packets::Disconnect& disconnect) override {
    require(script_.protocol == ProtocolVersion::kMqtt5, "DISCONNECT in MQTT 5 only");
    events_ += "disconnect " + std::to_string(disconnect.code) + disconnect.reason_string + "\n";
  }
  void on_packet_for_client(std::string_view packet) override {
    events_ += "for client " + std::string(packet) + "\n";
    strict_.receive(packet);
    if (const std::uint16_t id = strict_.wants_pubrel(); id != 0) {
      write(mqtt::pubrel(id));
      strict_.sent(id, StrictClient::Open::kReleased);
    }
  }

 private:
  void write(const std::string& bytes) {
    require(filter_.outbound(bytes).ok(), "what a client may write");
  }
  void ask(unsigned request) {
    using Open = StrictClient::Open;
    const auto id = static_cast<std::uint16_t>(1 + request % 4);
    const std::size_t filters = 1 + (request >> 2U) % 3;
    const std::vector<std::string> names(filters, "t");
    switch ((request >> 4U) % 5) {
      case 0:
        write(mqtt::publish(script_.protocol, {.qos = 1, .id = id}));
        return strict_.sent(id, Open::kQos1);
      case 1:
        write(mqtt::publish(script_.protocol, {.qos = 2, .id = id}));
        return strict_.sent(id, Open::kQos2);
      case 2: write(mqtt::pubrel(id)); return strict_.sent(id, Open::kReleased);
      case 3:
        write(mqtt::subscribe(script_.protocol, id, names));
        return strict_.sent(id, Open::kSubscribe, filters);
      default:
        write(mqtt::unsubscribe(script_.protocol, id, names));
        return strict_.sent(id, Open::kUnsubscribe, filters);
    }
  }

  const Script& script_;
  packets::PacketFilter filter_;
  StrictClient strict_;
  std::string events_;
  std::size_t arrived_ = 0;
};

template <typename NextSize>
std::string run(const Script& script, std::string_view bytes, NextSize next_size) {
  Client client(script);
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(next_size(), bytes.size());
    if (!client.receive(bytes.substr(0, size))) break;
    bytes.remove_prefix(size);
  }
  return client.events();
}

Script read_script(mqtt::Cursor& input) {
  static constexpr std::array<std::size_t, 4> kLimits = {0, 16, 2000, 268'435'455};
  Script script;
  const std::size_t choice = input.number(1);
  script.protocol = (choice & 1U) != 0 ? ProtocolVersion::kMqtt5 : ProtocolVersion::kMqtt311;
  script.limit = kLimits[(choice >> 1U) & 3U];
  script.connected = (choice & 8U) != 0;
  script.requests = input.take(input.number(1) % 8);
  return script;
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const ProtocolVersion version : {ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5}) {
    const bool mqtt5 = version == ProtocolVersion::kMqtt5;
    const auto add = [&](unsigned flags, const std::string& requests, const std::string& bytes) {
      all.push_back(mqtt::u8(flags | (mqtt5 ? 1U : 0U)) + mqtt::u8(requests.size()) + requests +
                    mqtt::u8(1) + bytes);
    };
    const std::string reason = "\x1F" + mqtt::text("why");
    const std::string code = mqtt5 ? mqtt::u8(0) : "";
    add(6, "", mqtt::connack(version, true, 0, "\x21" + mqtt::u16(9) + "\x13" + mqtt::u16(5)));
    add(6, "", mqtt::connack(version, false, mqtt5 ? 0x87 : 5, reason));
    add(6, "", mqtt::connack(ProtocolVersion::kMqtt311, false, 1));
    add(14, mqtt::u8(0x00), mqtt::puback(1));
    add(14, mqtt::u8(0x11), mqtt::pubrec(2) + mqtt::pubcomp(2));
    add(14, mqtt::u8(0x22), mqtt::pubcomp(3));
    add(14, mqtt::u8(0x37), mqtt::suback(version, 4, "\1\2", reason));
    add(14, mqtt::u8(0x43), mqtt::unsuback(version, 4, code, reason));
    add(14, "", mqtt::pingresp() + mqtt::pubrel(7) + mqtt::disconnect(0x8B, reason));
    for (const unsigned limit : {8U, 10U, 14U}) {
      add(limit, "",
          mqtt::publish(version, {.topic = "a/b", .payload = std::string(30, 'p'), .qos = 1}) +
              mqtt::publish(
                  version, {.payload = "q",
                            .qos = 2,
                            .properties = "\x26" + mqtt::text("k") + mqtt::text("v") + "\2" +
                                          mqtt::u32(9) + "\xB\5" + "\1\1" + "\3" + mqtt::text("c") +
                                          "\x8" + mqtt::text("r") + "\x9" + mqtt::text("d")}));
    }
    if (mqtt5) {
      add(14, mqtt::u8(0x00) + mqtt::u8(0x11),
          mqtt::acknowledgement5(0x40, 1, 0x10, reason) +
              mqtt::acknowledgement5(0x50, 2, 0x80, reason) +
              mqtt::acknowledgement5(0x62, 2, 0x92, reason));
    }
  }
  return all;
}

}  // namespace dapr_mqtt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dapr_mqtt::fuzz;
  dapr_mqtt::testing::mqtt::Cursor input(
      std::string_view(reinterpret_cast<const char*>(data), size));
  const Script script = read_script(input);
  std::minstd_rand random(static_cast<unsigned>(input.number(1)) + 1);
  // A copy of exactly this size lets the address sanitizer see the first byte beyond.
  const std::vector<char> copy(input.rest().begin(), input.rest().end());
  const std::string_view bytes(copy.data(), copy.size());
  const std::string whole = run(script, bytes, [&] { return bytes.size(); });
  require(run(script, bytes, [&] { return 1 + random() % 40; }) == whole, "events by pieces");
  require(run(script, bytes, [] { return 1U; }) == whole, "events by bytes");
  return 0;
}
