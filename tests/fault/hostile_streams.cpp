#include "fault/hostile_streams.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::testing {
namespace {

using mqtt::ProtocolVersion;
using mqtt::text;
using mqtt::u16;
using mqtt::u32;
using mqtt::u8;

/// Most changes are made here: the fixed header, lengths, identifiers.
constexpr std::size_t kFront = 12;
constexpr std::size_t kMostPackets = 12;

std::string zero_filled() {
  return mqtt::publish(ProtocolVersion::kMqtt311, {.payload = std::string(4000, '\0')});
}

}  // namespace

std::vector<std::string> known_killers() {
  using namespace std::string_literals;
  return {
      // The property length does not end; zeros lie behind it in Paho's buffer.
      zero_filled() + "\x30\x04\x00\x01t\x80"s,
      zero_filled() + "\x32\x06\x00\x01t\x00\x01\x80"s,
      zero_filled() + "\x34\x06\x00\x01t\x00\x01\x80"s,
      // SUBACK and UNSUBACK without the codes that they must have.
      "\x90\x02\x00\x01"s,
      "\xB0\x02\x00\x01"s,
      // CONNACK of MQTT 3.1.1, a second one.
      "\x20\x02\x00\x00"s,
      // Acknowledgements of each type for identifiers that are open with another.
      mqtt::puback(1) + mqtt::puback(2),
      mqtt::pubrec(1) + mqtt::pubrec(2),
      mqtt::pubcomp(1) + mqtt::pubcomp(2),
      mqtt::suback(ProtocolVersion::kMqtt311, 1, u8(0)) +
          mqtt::suback(ProtocolVersion::kMqtt311, 2, u8(0)),
      mqtt::unsuback(ProtocolVersion::kMqtt311, 1) + mqtt::unsuback(ProtocolVersion::kMqtt311, 2),
  };
}

std::string HostileStreams::stream(const std::vector<mqtt::ClientPacket>& open) {
  // Some streams are wrong from the first packet on, others far behind.
  const std::size_t rarely = choices_.of(std::vector<std::size_t>{2, 6, 20});
  std::vector<std::string> packets(1 + choices_.below(kMostPackets));
  for (std::string& next : packets) {
    next = choices_.one_in(rarely) ? wrong_packet(open) : right_packet(open);
  }
  if (!choices_.one_in(8)) {  // else they are as they are
    for (std::string& next : packets) {
      if (choices_.one_in(rarely)) change(next);
    }
    if (choices_.one_in(4)) packets.push_back(choices_.of(packets));
    if (choices_.one_in(4)) std::swap(packets[choices_.below(packets.size())], packets.back());
  }
  std::string all;
  for (const std::string& next : packets) all += next;
  if (choices_.one_in(8)) all.resize(choices_.below(all.size() + 1));
  return all;
}

std::string HostileStreams::bad_connack() {
  if (choices_.one_in(4)) return mqtt::connack(protocol_, false, choices_.below(256), properties());
  if (choices_.one_in(8)) return mqtt::connack(ProtocolVersion::kMqtt311);
  if (choices_.one_in(8)) return choices_.one_in(2) ? right_packet({}) : wrong_packet({});
  std::string packet = mqtt::connack(protocol_, choices_.one_in(2), 0, properties());
  change(packet);
  return packet;
}

std::string HostileStreams::good_connack() {
  std::string limits;
  if (choices_.one_in(4)) limits += "\x21" + u16(1 + choices_.below(65535));  // Receive Maximum
  if (choices_.one_in(4)) limits += "\x22" + u16(choices_.below(65536));      // Topic Alias Maximum
  if (choices_.one_in(8)) limits += "\x13" + u16(choices_.below(65536));      // Server Keep Alive
  if (choices_.one_in(8)) limits += "\x26" + text("k") + text("v");
  return mqtt::connack(protocol_, choices_.one_in(2), 0, limits);
}

std::string HostileStreams::right_answer(const mqtt::ClientPacket& request) {
  switch (request.type) {
    case 3: return acknowledgement(request.qos() == 1 ? 0x40 : 0x50, request.id);
    case 6: return acknowledgement(0x70, request.id);
    case 8: return mqtt::suback(protocol_, request.id, std::string(request.filters.size(), '\1'));
    default:
      return mqtt::unsuback(
          protocol_, request.id,
          protocol_ == ProtocolVersion::kMqtt5 ? std::string(request.filters.size(), '\0') : "");
  }
}

std::string HostileStreams::right_packet(const std::vector<mqtt::ClientPacket>& open) {
  switch (choices_.below(8)) {
    case 0: return acknowledgement(0x62, id());
    case 1: return mqtt::pingresp();
    case 2:
    case 3:
      if (!open.empty()) return right_answer(choices_.of(open));
      [[fallthrough]];
    default: return publish();
  }
}

std::string HostileStreams::wrong_packet(const std::vector<mqtt::ClientPacket>& open) {
  switch (choices_.below(10)) {
    case 0:
    case 1: return wrong_answer(open.empty() ? id() : choices_.of(open).id);
    case 2: return wrong_answer(id());
    case 3:  // in order with MQTT 5, but the last packet then
      return protocol_ == ProtocolVersion::kMqtt5 && !choices_.one_in(4)
                 ? mqtt::disconnect(choices_.below(256), properties())
                 : mqtt::packet(0xE0, {});
    case 4: return mqtt::packet(0xF0, choices_.one_in(2) ? u8(0x18) + u8(0) : "");
    case 5:
    case 6: return choices_.of(known_killers());
    case 7: return good_connack();
    case 8:
      return choices_.one_in(2) ? mqtt::connect(protocol_)
                                : mqtt::subscribe(protocol_, id(), {"t"});
    default: return mqtt::packet(choices_.below(256), std::string(choices_.below(40), 'x'));
  }
}

std::string HostileStreams::publish() {
  static const std::vector<std::string> kTopics = {
      "t", "s/1", "", "a/#", "$SYS/x", "\xFF\xFE", std::string(300, 'n')};
  mqtt::Publish message;
  message.topic = choices_.one_in(16) ? choices_.of(kTopics) : "t";
  const std::size_t size = choices_.one_in(200) ? 100'000 : choices_.below(300);
  message.payload = std::string(size, choices_.one_in(2) ? '\0' : 'p');
  message.qos = static_cast<unsigned>(choices_.below(choices_.one_in(60) ? 4 : 3));
  message.id = static_cast<std::uint16_t>(id());
  message.retain = choices_.one_in(4);
  message.duplicate = choices_.one_in(4);
  message.properties = properties();
  return mqtt::publish(protocol_, message);
}

std::string HostileStreams::properties() {
  std::string block;
  if (protocol_ == ProtocolVersion::kMqtt5 && choices_.one_in(4)) {
    for (std::size_t count = choices_.below(4); count > 0; --count) block += property();
  }
  return block;
}

std::string HostileStreams::property() {
  const std::string string = choices_.one_in(8) ? std::string(choices_.below(3000), 's') : "text";
  switch (choices_.below(12)) {
    case 0: return u8(0x01) + u8(choices_.below(3));      // Payload Format Indicator
    case 1: return u8(0x02) + u32(choices_.below(1000));  // Message Expiry Interval
    case 2: return u8(0x03) + text(string);               // Content Type
    case 3: return u8(0x08) + text(string);               // Response Topic
    case 4: return u8(0x09) + text(string);               // Correlation Data
    case 5: return u8(0x0B) + mqtt::variable(choices_.below(300'000'000));  // Subscription ID
    case 6: return u8(0x1F) + text(string);                                 // Reason String
    case 7: return u8(0x23) + u16(choices_.below(20));                      // Topic Alias
    case 8: return u8(0x12) + text(string);  // Assigned Client Identifier
    case 9: return u8(choices_.below(256)) + string;
    default: return u8(0x26) + text("key") + text(string);
  }
}

std::string HostileStreams::acknowledgement(std::size_t first_byte, std::size_t id) {
  if (protocol_ == ProtocolVersion::kMqtt311 || choices_.one_in(2)) {
    return mqtt::acknowledgement(first_byte, id);
  }
  static const std::vector<std::size_t> kCodes = {0, 0, 0, 0x10, 0x80, 0x87, 0x92, 0x97, 0xFF};
  return mqtt::acknowledgement5(first_byte, id, choices_.of(kCodes),
                                choices_.one_in(4) ? properties() : "");
}

std::string HostileStreams::wrong_answer(std::size_t id) {
  switch (choices_.below(5)) {
    case 0: return acknowledgement(0x40, id);
    case 1: return acknowledgement(0x50, id);
    case 2: return acknowledgement(0x70, id);
    case 3: return mqtt::suback(protocol_, id, std::string(choices_.below(4), '\1'));
    default: return mqtt::unsuback(protocol_, id, std::string(choices_.below(4), '\0'));
  }
}

std::size_t HostileStreams::id() {
  if (choices_.one_in(64)) return choices_.of(std::vector<std::size_t>{0, 65535});
  return 1 + choices_.below(choices_.one_in(16) ? 65535 : 5);
}

void HostileStreams::change(std::string& packet) {
  static const std::vector<std::size_t> kBytes = {0, 1, 2, 0x7F, 0x80, 0xFF};
  for (std::size_t changes = 1 + choices_.below(3); changes > 0; --changes) {
    if (packet.empty()) return;
    const std::size_t reach = choices_.one_in(3) ? packet.size() : std::min(packet.size(), kFront);
    const std::size_t at = choices_.below(reach);
    const std::size_t count = std::min(packet.size() - at, 1 + choices_.below(8));
    switch (choices_.below(8)) {
      case 0: packet[at] = static_cast<char>(packet[at] ^ (1 << choices_.below(8))); break;
      case 1: packet[at] = u8(choices_.of(kBytes))[0]; break;
      case 2: packet.resize(at); break;
      case 3: packet.insert(at, std::string(1 + choices_.below(20), '\x80')); break;
      case 4: packet.insert(at, packet.substr(at, count)); break;
      case 5: packet.erase(at, count); break;
      case 6: packet += std::string(1 + choices_.below(20), '\0'); break;
      default:  // the remaining length
        if (packet.size() > 1)
          packet[1] = static_cast<char>(packet[1] + (choices_.one_in(2) ? 1 : -1));
    }
  }
}

}  // namespace dapr_mqtt::testing
