#include "packets/requests.h"

#include <string>

namespace dapr_mqtt::packets {

void PacketFilter::Requests::connect_sent() {
  const base::MutexLock lock(mutex_);
  connect_seen_ = true;
}

bool PacketFilter::Requests::connect_seen() const {
  const base::MutexLock lock(mutex_);
  return connect_seen_;
}

void PacketFilter::Requests::publish_sent(unsigned qos, std::uint16_t id) {
  open(id, {qos == 1 ? Waits::kPuback : Waits::kPubrec});
}

bool PacketFilter::Requests::pubrel_sent(std::uint16_t id) {
  const base::MutexLock lock(mutex_);
  const auto found = exchanges_.find(id);
  if (found != exchanges_.end() && found->second.waits_for == Waits::kPubrelToWithhold) {
    exchanges_.erase(found);
    return false;
  }
  exchanges_[id] = {Waits::kPubcomp};
  return true;
}

void PacketFilter::Requests::filters_sent(PacketType type, std::uint16_t id, std::size_t filters) {
  open(id, {type == PacketType::kSubscribe ? Waits::kSuback : Waits::kUnsuback, filters});
}

void PacketFilter::Requests::open(std::uint16_t id, Exchange exchange) {
  const base::MutexLock lock(mutex_);
  exchanges_[id] = exchange;
}

base::Status PacketFilter::Requests::acknowledge(PacketType type, const Acknowledgement& packet,
                                                 ForClient& for_client) {
  for_client = ForClient::kPacket;
  const base::MutexLock lock(mutex_);
  const auto found = exchanges_.find(packet.id);
  if (found == exchanges_.end()) return mismatch(type, packet.id, nullptr);
  Exchange& exchange = found->second;
  const Waits waits_for = exchange.waits_for;
  if (type == PacketType::kPubrec && waits_for == Waits::kPubrec && packet.code < kFirstFailure) {
    exchange.waits_for = Waits::kPubrel;
    return {};
  }
  // RabbitMQ treats a publish of QoS 2 as one of QoS 1 and answers it by PUBACK. The client library
  // frees memory twice when it gets that PUBACK, so it gets the packets of a complete QoS 2
  // exchange instead.
  if (type == PacketType::kPuback && waits_for == Waits::kPubrec) {
    const bool refused = packet.code >= kFirstFailure;
    for_client = refused ? ForClient::kPubrec : ForClient::kPubrecAndPubcomp;
    if (refused) {
      exchanges_.erase(found);
    } else {
      exchange.waits_for = Waits::kPubrelToWithhold;
    }
    return {};
  }
  const bool ends = (type == PacketType::kPuback && waits_for == Waits::kPuback) ||
                    (type == PacketType::kPubrec && waits_for == Waits::kPubrec) ||
                    (type == PacketType::kPubcomp && waits_for == Waits::kPubcomp);
  if (ends) {
    exchanges_.erase(found);
    return {};
  }
  // MQTT 3.1.1 section 4.4 does not forbid the broker to repeat a PUBREC; MQTT 5 does. The client
  // library is already sending its PUBREL. It must not get this PUBREC: it would send a second
  // PUBREL, and the PUBCOMP for that would match no open exchange.
  if (protocol_ == core::ProtocolVersion::kMqtt311 && type == PacketType::kPubrec &&
      (waits_for == Waits::kPubrel || waits_for == Waits::kPubcomp)) {
    for_client = ForClient::kNothing;
    return {};
  }
  return mismatch(type, packet.id, &exchange);
}

base::Status PacketFilter::Requests::answer(PacketType type, const Answer& packet) {
  const base::MutexLock lock(mutex_);
  const auto found = exchanges_.find(packet.id);
  if (found == exchanges_.end()) return mismatch(type, packet.id, nullptr);
  const Waits expected = type == PacketType::kSuback ? Waits::kSuback : Waits::kUnsuback;
  if (found->second.waits_for != expected) return mismatch(type, packet.id, &found->second);
  const bool without_codes =
      protocol_ == core::ProtocolVersion::kMqtt311 && type == PacketType::kUnsuback;
  if (!without_codes && packet.codes.size() != found->second.filters) {
    return malformed(type, "it has " + std::to_string(packet.codes.size()) +
                               " reason codes for the " + std::to_string(found->second.filters) +
                               " topic filters of packet identifier " + std::to_string(packet.id));
  }
  exchanges_.erase(found);
  return {};
}

base::Status PacketFilter::Requests::mismatch(PacketType type, std::uint16_t id,
                                              const Exchange* exchange) {
  const auto what_it_is = [exchange] {
    if (exchange == nullptr) return "is not in use";
    switch (exchange->waits_for) {
      case Waits::kPuback: return "is a publish of QoS 1";
      case Waits::kPubrec: return "is a publish of QoS 2";
      case Waits::kPubrelToWithhold:
      case Waits::kPubrel: return "is a publish of QoS 2 before its PUBREL";
      case Waits::kPubcomp: return "is a publish of QoS 2 after its PUBREL";
      case Waits::kSuback: return "is a SUBSCRIBE";
      case Waits::kUnsuback: return "is an UNSUBSCRIBE";
    }
    return "";
  };
  return unexpected(type,
                    "for packet identifier " + std::to_string(id) + ", which " + what_it_is());
}

}  // namespace dapr_mqtt::packets
