#include "packets/publish.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "dapr_mqtt/packets/packet_filter.h"
#include "packets/byte_reader.h"
#include "packets/packet_type.h"
#include "packets/properties.h"

namespace dapr_mqtt::packets {
namespace {

base::Status fault(std::string_view what) { return malformed(PacketType::kPublish, what); }

base::Status measure_properties(std::size_t remaining, std::string_view body, PublishHead& head) {
  VariableByteInteger length;
  auto state = VariableByteInteger::State::kMore;
  while (state == VariableByteInteger::State::kMore) {
    if (head.size == remaining) return fault("no property length");
    if (head.size == body.size()) {
      ++head.size;
      return {};
    }
    state = length.take(static_cast<std::uint8_t>(body[head.size++]));
  }
  if (state == VariableByteInteger::State::kTooLong) return fault("malformed property length");
  if (length.value() > remaining - head.size) {
    return fault("the property length is " + std::to_string(length.value()) + ", but only " +
                 std::to_string(remaining - head.size) + " bytes are left");
  }
  head.complete = true;
  if (length.value() > PacketFilter::kMaxControlPacket) {
    head.skipped_properties = length.value();
  } else {
    head.size += length.value();
  }
  return {};
}

base::Status read_properties(std::string_view block, core::IncomingMessage& message) {
  std::shared_ptr<core::MessageProperties> kept;
  const auto keep = [&kept]() -> core::MessageProperties& {
    if (!kept) kept = std::make_shared<core::MessageProperties>();
    return *kept;
  };
  PropertyReader properties(PacketType::kPublish, block);
  Property property;
  while (properties.next(property)) {
    switch (property.id) {
      case PropertyId::kContentType: keep().content_type = property.text; break;
      case PropertyId::kResponseTopic: keep().response_topic = property.text; break;
      case PropertyId::kCorrelationData: keep().correlation_data = property.text; break;
      case PropertyId::kMessageExpiryInterval:
        keep().expiry = std::chrono::seconds(property.number);
        break;
      case PropertyId::kUserProperty:
        keep().user_properties.emplace_back(property.text, property.value);
        break;
      case PropertyId::kTopicAlias:
        // CONNECT announces no Topic Alias Maximum, so the broker may use none (MQTT-3.1.2-27).
        return fault("it has a topic alias, but the client accepts none");
      case PropertyId::kSubscriptionIdentifier:
        if (property.number == 0) return fault("Subscription Identifier 0");
        break;
      default: break;  // Payload Format Indicator: whatever it says, the payload is bytes
    }
  }
  if (!properties.status().ok()) return properties.status();
  if (kept) kept->user_properties.shrink_to_fit();  // footprint() counts no spare room
  message.properties = std::move(kept);
  return {};
}

}  // namespace

base::Status measure_publish_head(core::ProtocolVersion protocol, PublishFlags flags,
                                  std::size_t remaining, std::string_view body, PublishHead& head) {
  constexpr std::size_t kLengthBytes = 2;
  constexpr std::size_t kIdBytes = 2;
  head = PublishHead();
  head.size = kLengthBytes;
  if (remaining < kLengthBytes) return fault("no topic name");
  ByteReader reader(body);
  std::uint16_t topic = 0;
  if (!reader.u16(topic)) return {};
  // MQTT 3.1.1 section 4.7.3. In MQTT 5 an empty name needs a topic alias (section 3.3.2.1), which
  // read_properties rejects.
  if (topic == 0) return fault("the topic name is empty");
  if (topic > remaining - kLengthBytes) {
    return fault("the topic name has " + std::to_string(topic) + " bytes, but only " +
                 std::to_string(remaining - kLengthBytes) + " are left");
  }
  head.size += topic;
  if (flags.qos > 0) {
    if (remaining - head.size < kIdBytes) return fault("no packet identifier");
    head.size += kIdBytes;
  }
  if (protocol == core::ProtocolVersion::kMqtt5) {
    if (head.size > body.size()) return {};
    return measure_properties(remaining, body, head);
  }
  head.complete = true;
  return {};
}

base::Status read_publish_head(core::ProtocolVersion protocol, PublishFlags flags,
                               std::string_view head, const PublishHead& measured,
                               core::IncomingMessage& message) {
  // measure_publish_head has checked that the head holds all of this: the reads cannot fail.
  ByteReader reader(head);
  std::string_view topic;
  bool whole = reader.string(topic);
  message.topic = topic;
  message.qos = static_cast<core::QoS>(flags.qos);
  message.retained = flags.retain;
  message.duplicate = flags.duplicate;
  if (flags.qos > 0) {
    whole = whole && reader.u16(message.packet.id);
    if (message.packet.id == 0) return fault("packet identifier 0");
  }
  if (!whole) return fault("it is cut off");
  if (protocol == core::ProtocolVersion::kMqtt311 || measured.skipped_properties > 0) return {};
  std::string_view block;
  if (base::Status status = take_properties(PacketType::kPublish, reader, block); !status.ok()) {
    return status;
  }
  return read_properties(block, message);
}

}  // namespace dapr_mqtt::packets
