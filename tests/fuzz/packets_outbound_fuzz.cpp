// A client library that writes any bytes. However they are cut into pieces, the filter's result is
// the same; and after valid bytes the open requests are those that a second, simple parser finds.
//
// Input: version (1 byte), seed of the pieces (1), then the client's bytes after CONNECT.
#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/packets/packet_filter.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::fuzz {
namespace {

namespace mqtt = testing::mqtt;
using core::ProtocolVersion;

class NoEvents : public packets::BrokerEvents {
 public:
  void on_connack(const packets::Connack&) override {}
  void on_publish(core::IncomingMessage) override {}
  void on_pubrel(std::uint16_t) override {}
  void on_disconnect(const packets::Disconnect&) override {}
  void on_packet_for_client(std::string_view) override { ++for_client; }
  int for_client = 0;
};

template <typename NextSize>
base::Status write(packets::PacketFilter& filter, std::string_view bytes, NextSize next_size) {
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(next_size(), bytes.size());
    if (base::Status status = filter.outbound(bytes.substr(0, size)); !status.ok()) return status;
    bytes.remove_prefix(size);
  }
  return {};
}

/// What the broker would answer to each request that is open after `bytes`.
std::map<std::uint16_t, std::string> answers(ProtocolVersion protocol, std::string bytes) {
  std::map<std::uint16_t, std::string> out;
  while (const auto packet = mqtt::take_client_packet(protocol, bytes)) {
    const std::size_t filters = packet->filters.size();
    switch (packet->type) {
      case 3:
        if (packet->qos() == 1) out[packet->id] = mqtt::puback(packet->id);
        if (packet->qos() == 2) out[packet->id] = mqtt::pubrec(packet->id);
        break;
      case 6: out[packet->id] = mqtt::pubcomp(packet->id); break;
      case 8:
        out[packet->id] = mqtt::suback(protocol, packet->id, std::string(filters, '\1'));
        break;
      case 10:
        out[packet->id] =
            mqtt::unsuback(protocol, packet->id,
                           std::string(protocol == ProtocolVersion::kMqtt5 ? filters : 0, '\0'));
        break;
      default: break;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const ProtocolVersion version : {ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5}) {
    const std::string start = mqtt::u8(version == ProtocolVersion::kMqtt5 ? 1 : 0) + mqtt::u8(3);
    all.push_back(start + mqtt::publish(version, {.topic = "a/b", .payload = "p", .qos = 1}) +
                  mqtt::publish(version, {.qos = 2, .id = 2}) + mqtt::pubrel(2) +
                  mqtt::publish(version, {.payload = std::string(200, 'x')}));
    all.push_back(start + mqtt::subscribe(version, 3, {"a", "b/#", ""}) +
                  mqtt::unsubscribe(version, 4, {"a", "b"}) + mqtt::packet(0xC0, "") +
                  mqtt::packet(0xE0, ""));
    all.push_back(start + mqtt::puback(1));
    all.push_back(start + mqtt::connect(version));
  }
  return all;
}

}  // namespace dapr_mqtt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dapr_mqtt::fuzz;
  using namespace dapr_mqtt;
  mqtt::Cursor input(std::string_view(reinterpret_cast<const char*>(data), size));
  const ProtocolVersion protocol =
      (input.number(1) & 1U) != 0 ? ProtocolVersion::kMqtt5 : ProtocolVersion::kMqtt311;
  std::minstd_rand random(static_cast<unsigned>(input.number(1)) + 1);
  const std::vector<char> copy(input.rest().begin(), input.rest().end());
  const std::string_view bytes(copy.data(), copy.size());

  const auto outcome = [&](packets::PacketFilter& filter, auto next_size) {
    require(filter.outbound(mqtt::connect(protocol)).ok(), "CONNECT passes");
    return write(filter, bytes, next_size);
  };
  const packets::PacketFilterOptions options{protocol, 1000};
  packets::PacketFilter whole(options);
  const base::Status status = outcome(whole, [&] { return bytes.size(); });
  require(status.ok() || status.kind() == base::ErrorKind::kInternal,
          "the error names the client as the cause");
  packets::PacketFilter pieces(options);
  require(outcome(pieces, [&] { return 1 + random() % 40; }).message() == status.message(),
          "the same by pieces");
  packets::PacketFilter single(options);
  require(outcome(single, [] { return 1U; }).message() == status.message(), "the same by bytes");
  if (!status.ok()) return 0;

  NoEvents events;
  require(single.inbound(mqtt::connack(protocol), events).ok(), "CONNACK passes");
  int count = 1;
  for (const auto& [id, answer] : answers(protocol, std::string(bytes))) {
    const base::Status taken = single.inbound(answer, events);
    require(taken.ok(), taken.message());
    ++count;
  }
  require(events.for_client == count, "every answer reaches the client");
  return 0;
}
