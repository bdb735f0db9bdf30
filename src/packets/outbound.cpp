#include "packets/outbound.h"

#include <algorithm>
#include <string>

namespace dapr_mqtt::packets {
namespace {

/// The bytes of CONNECT from protocol name to protocol level (section 3.1.2).
std::string_view connect_start(core::ProtocolVersion protocol) {
  using std::string_view_literals::operator""sv;
  return protocol == core::ProtocolVersion::kMqtt5 ? "\0\4MQTT\5"sv : "\0\4MQTT\4"sv;
}

}  // namespace

base::Status PacketFilter::Outbound::take(std::string_view bytes) {
  for (;;) {
    base::Status status;
    if (field_ == Field::kFixedHeader) {
      switch (header_.take(bytes)) {
        case FixedHeader::State::kMore: return {};
        case FixedHeader::State::kTooLong:
          return client_writes("a remaining length of more than 4 bytes");
        case FixedHeader::State::kDone: status = begin_packet();
      }
    } else if (body_left_ == 0) {
      status = end_packet();
    } else if (bytes.empty()) {
      return {};
    } else {
      status = take_body(bytes);
    }
    if (!status.ok()) return status;
  }
}

base::Status PacketFilter::Outbound::begin_packet() {
  const PacketType type = header_.type();
  const std::string name(name_of(type));
  body_left_ = header_.remaining();
  filters_ = 0;
  if ((type == PacketType::kConnect) == connect_begun_) {
    return client_writes(connect_begun_ ? "a second CONNECT" : name + " before CONNECT");
  }
  switch (type) {
    case PacketType::kConnect:
      connect_begun_ = true;
      expect(Field::kConnectStart, connect_start(protocol_).size());
      return {};
    case PacketType::kPublish:
      if (publish_qos() == 3) return client_writes("a PUBLISH of QoS 3");
      if (publish_qos() == 0) {
        expect(Field::kRest, 0);
      } else {
        expect(Field::kTopicLength, 2);
      }
      return {};
    case PacketType::kPubrel:
    case PacketType::kSubscribe:
    case PacketType::kUnsubscribe: expect(Field::kRequestId, 2); return {};
    case PacketType::kPingreq:
    case PacketType::kDisconnect: expect(Field::kRest, 0); return {};
    case PacketType::kPuback:
    case PacketType::kPubrec:
    case PacketType::kPubcomp: return client_writes(name + ", but it never gets a message");
    default: return client_writes(name + ", which a client does not send here");
  }
}

base::Status PacketFilter::Outbound::end_packet() {
  const PacketType type = header_.type();
  const bool between_filters = field_ == Field::kFilterLength && skip_ == 0 && field_left_ == 2;
  if (field_ != Field::kRest && !(between_filters && filters_ > 0)) {
    return client_writes("a malformed " + std::string(name_of(type)) + ": it is cut off");
  }
  switch (type) {
    case PacketType::kConnect: requests_.connect_sent(); break;
    case PacketType::kPublish:
      if (publish_qos() > 0) requests_.publish_sent(publish_qos(), id_);
      break;
    case PacketType::kPubrel: withheld_ = !requests_.pubrel_sent(id_); break;
    case PacketType::kSubscribe:
    case PacketType::kUnsubscribe: requests_.filters_sent(type, id_, filters_); break;
    default: break;
  }
  header_ = FixedHeader();
  field_ = Field::kFixedHeader;
  return {};
}

void PacketFilter::Outbound::expect(Field field, std::size_t bytes, std::size_t skip) {
  field_ = field;
  field_left_ = bytes;
  skip_ = skip;
  value_ = 0;
}

base::Status PacketFilter::Outbound::take_body(std::string_view& bytes) {
  const std::size_t skippable = field_ == Field::kRest ? body_left_ : skip_;
  if (skippable > 0) {
    const std::size_t skipped = std::min({skippable, body_left_, bytes.size()});
    bytes.remove_prefix(skipped);
    body_left_ -= skipped;
    if (field_ != Field::kRest) skip_ -= skipped;
    return {};
  }
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  --body_left_;
  if (field_ == Field::kConnectStart) {
    const std::string_view start = connect_start(protocol_);
    if (byte != static_cast<std::uint8_t>(start[start.size() - field_left_])) {
      return client_writes("a CONNECT of another protocol version than it was set up for");
    }
  } else if (field_ == Field::kPropertyLength) {
    const auto state = property_length_.take(byte);
    if (state == VariableByteInteger::State::kTooLong) {
      return client_writes("a malformed property length");
    }
    if (state == VariableByteInteger::State::kMore) return {};
  } else {
    value_ = (value_ << 8U) | byte;
  }
  return --field_left_ == 0 ? field_complete() : base::Status();
}

base::Status PacketFilter::Outbound::field_complete() {
  switch (field_) {
    case Field::kTopicLength: expect(Field::kPublishId, 2, value_); return {};
    case Field::kPublishId:
    case Field::kRequestId:
      id_ = static_cast<std::uint16_t>(value_);
      if (id_ == 0) {
        return client_writes(std::string(name_of(header_.type())) + " with packet identifier 0");
      }
      if (field_ == Field::kPublishId || header_.type() == PacketType::kPubrel) {
        expect(Field::kRest, 0);
      } else if (protocol_ == core::ProtocolVersion::kMqtt5) {
        property_length_ = VariableByteInteger();
        expect(Field::kPropertyLength, 1);
      } else {
        expect(Field::kFilterLength, 2);
      }
      return {};
    case Field::kPropertyLength:
      expect(Field::kFilterLength, 2, property_length_.value());
      return {};
    case Field::kFilterLength:
      ++filters_;
      if (header_.type() == PacketType::kSubscribe) {
        expect(Field::kFilterOptions, 1, value_);
      } else {
        expect(Field::kFilterLength, 2, value_);
      }
      return {};
    case Field::kFilterOptions: expect(Field::kFilterLength, 2); return {};
    case Field::kConnectStart: expect(Field::kRest, 0); return {};
    case Field::kFixedHeader:
    case Field::kRest: break;
  }
  return {};
}

}  // namespace dapr_mqtt::packets
