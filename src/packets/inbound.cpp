#include "packets/inbound.h"

#include <algorithm>
#include <utility>

#include "packets/acknowledgements.h"
#include "packets/client_packets.h"
#include "packets/connection_packets.h"

namespace dapr_mqtt::packets {
namespace {

/// A buffer with at most this capacity is kept for the next packet; a larger one is freed.
constexpr std::size_t kKeptCapacity = 4096;

void give_back(std::string& memory) {
  if (memory.capacity() > kKeptCapacity) std::string().swap(memory);
}

}  // namespace

base::Status PacketFilter::Inbound::take(std::string_view bytes, BrokerEvents& events) {
  for (;;) {
    auto progress = Progress::kContinue;
    if (base::Status status = step(bytes, events, progress); !status.ok()) return status;
    if (progress == Progress::kNeedsMore) return {};
  }
}

base::Status PacketFilter::Inbound::step(std::string_view& bytes, BrokerEvents& events,
                                         Progress& progress) {
  switch (stage_) {
    case Stage::kFixedHeader:
      switch (header_.take(bytes)) {
        case FixedHeader::State::kMore: progress = Progress::kNeedsMore; return {};
        case FixedHeader::State::kTooLong:
          return malformed(header_.type(), "its remaining length is longer than 4 bytes");
        case FixedHeader::State::kDone: return begin_packet();
      }
      return {};
    case Stage::kControl: {
      std::string_view body;
      if (!front_of_body(header_.remaining(), bytes, body)) {
        progress = Progress::kNeedsMore;
        return {};
      }
      if (gathered_.empty()) bytes.remove_prefix(body.size());
      base::Status status = control(body, events);
      if (status.ok() && stage_ != Stage::kEnded) next_packet();
      return status;
    }
    case Stage::kPublishHead: return publish_head(bytes, progress);
    case Stage::kSkippedProperties: {
      const std::size_t skipped = std::min(left_, bytes.size());
      bytes.remove_prefix(skipped);
      left_ -= skipped;
      if (left_ > 0) {
        progress = Progress::kNeedsMore;
      } else {
        begin_payload(payload_size_);
      }
      return {};
    }
    case Stage::kPayload:
      take_payload(bytes);
      if (left_ > 0) {
        progress = Progress::kNeedsMore;
        return {};
      }
      {
        core::IncomingMessage message = std::exchange(message_, {});
        next_packet();
        events.on_publish(std::move(message));
      }
      return {};
    case Stage::kEnded: progress = Progress::kNeedsMore; return {};
  }
  return {};
}

bool PacketFilter::Inbound::front_of_body(std::size_t size, std::string_view& bytes,
                                          std::string_view& front) {
  if (gathered_.empty() && bytes.size() >= size) {
    front = bytes.substr(0, size);
    return true;
  }
  const std::size_t missing = size - std::min(size, gathered_.size());
  const std::size_t taken = std::min(missing, bytes.size());
  gathered_.append(bytes, 0, taken);
  bytes.remove_prefix(taken);
  front = gathered_;
  return gathered_.size() >= size;
}

base::Status PacketFilter::Inbound::begin_packet() {
  const PacketType type = header_.type();
  const bool mqtt5 = options_.protocol == core::ProtocolVersion::kMqtt5;
  // The only packet that may come before CONNACK (MQTT 5 section 4.12).
  if (type == PacketType::kAuth && mqtt5 && requests_.connect_seen()) return auth();
  // Section 3.2: the first packet from the server is CONNACK, and there is only one.
  if ((type == PacketType::kConnack) == connack_seen_) {
    return unexpected(type, connack_seen_ ? "it came a second time" : "it came before CONNACK");
  }
  if (!connack_seen_ && !requests_.connect_seen()) {
    return unexpected(type, "it came before CONNECT was sent");
  }
  switch (type) {
    case PacketType::kPublish:
      if (PublishFlags(header_.first()).qos == 3) return malformed(type, "QoS 3");
      stage_ = Stage::kPublishHead;
      return {};
    case PacketType::kConnack:
    case PacketType::kPuback:
    case PacketType::kPubrec:
    case PacketType::kPubrel:
    case PacketType::kPubcomp:
    case PacketType::kSuback:
    case PacketType::kUnsuback:
    case PacketType::kPingresp: break;
    case PacketType::kDisconnect:
      if (mqtt5) break;
      return malformed(type, "only a client sends it in MQTT 3.1.1");
    case PacketType::kAuth: return malformed(type, "MQTT 3.1.1 has no such packet");
    case PacketType::kReserved:
    case PacketType::kConnect:
    case PacketType::kSubscribe:
    case PacketType::kUnsubscribe:
    case PacketType::kPingreq: return malformed(type, "a broker does not send it");
  }
  if (header_.first() != first_byte_of(type)) {
    return malformed(type, "the flags of its fixed header are wrong");
  }
  if (header_.remaining() > kMaxControlPacket) {
    return malformed(type, "it is too large: " + std::to_string(header_.remaining()) + " bytes");
  }
  stage_ = Stage::kControl;
  return {};
}

base::Status PacketFilter::Inbound::auth() const {
  const base::Status status = malformed(
      PacketType::kAuth,
      "the broker asks for an exchange of AUTH packets, which is not supported: only authMethod "
      "and authData in CONNECT are");
  // An answer to CONNECT, and no sign that the connection or the broker fails.
  return connack_seen_ ? status : base::failed_precondition(status.message());
}

void PacketFilter::Inbound::next_packet() {
  stage_ = Stage::kFixedHeader;
  header_ = FixedHeader();
  gathered_.clear();
  give_back(gathered_);
  give_back(for_client_);
}

base::Status PacketFilter::Inbound::control(std::string_view body, BrokerEvents& events) {
  const PacketType type = header_.type();
  switch (type) {
    case PacketType::kConnack: return connack(body, events);
    case PacketType::kPuback:
    case PacketType::kPubrec:
    case PacketType::kPubrel:
    case PacketType::kPubcomp: return acknowledgement(type, body, events);
    case PacketType::kSuback:
    case PacketType::kUnsuback: return answer(type, body, events);
    case PacketType::kDisconnect: return disconnect(body, events);
    default: break;  // PINGRESP: begin_packet rejects all others
  }
  if (!body.empty()) return malformed(type, "it has a body");
  write_pingresp(for_client_);
  events.on_packet_for_client(for_client_);
  return {};
}

base::Status PacketFilter::Inbound::connack(std::string_view body, BrokerEvents& events) {
  Connack connack;
  base::Status status = parse_connack(options_.protocol, body, connack);
  if (!status.ok()) return status;
  connack_seen_ = true;
  // The broker closes the connection after a refusal (MQTT-3.2.2-5, in MQTT 5 MQTT-3.2.2-7).
  if (connack.code != 0) stage_ = Stage::kEnded;
  write_connack(options_.protocol, connack, for_client_);
  events.on_connack(connack);
  events.on_packet_for_client(for_client_);
  return {};
}

base::Status PacketFilter::Inbound::acknowledgement(PacketType type, std::string_view body,
                                                    BrokerEvents& events) {
  Acknowledgement packet;
  base::Status status = parse_acknowledgement(options_.protocol, type, body, packet);
  if (!status.ok()) return status;
  if (type == PacketType::kPubrel) {
    events.on_pubrel(packet.id);
    return {};
  }
  using ForClient = Requests::ForClient;
  ForClient for_client = ForClient::kNothing;
  status = requests_.acknowledge(type, packet, for_client);
  if (!status.ok() || for_client == ForClient::kNothing) return status;
  if (for_client != ForClient::kPacket) type = PacketType::kPubrec;
  write_acknowledgement(type, packet.id, packet.code, packet.reason_string, for_client_);
  events.on_packet_for_client(for_client_);
  if (for_client == ForClient::kPubrecAndPubcomp) {
    write_acknowledgement(PacketType::kPubcomp, packet.id, 0, {}, for_client_);
    events.on_packet_for_client(for_client_);
  }
  return {};
}

base::Status PacketFilter::Inbound::answer(PacketType type, std::string_view body,
                                           BrokerEvents& events) {
  Answer packet;
  base::Status status = parse_answer(options_.protocol, type, body, packet);
  if (status.ok()) status = requests_.answer(type, packet);
  if (!status.ok()) return status;
  write_answer(options_.protocol, type, packet.id, packet.reason_string, packet.codes, for_client_);
  events.on_packet_for_client(for_client_);
  return {};
}

base::Status PacketFilter::Inbound::disconnect(std::string_view body, BrokerEvents& events) {
  Disconnect packet;
  base::Status status = parse_disconnect(body, packet);
  if (!status.ok()) return status;
  stage_ = Stage::kEnded;  // MQTT-3.14.4-1: it sends no more packets
  events.on_disconnect(packet);
  return {};
}

}  // namespace dapr_mqtt::packets
