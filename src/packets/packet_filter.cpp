#include "dapr_mqtt/packets/packet_filter.h"

#include "packets/inbound.h"
#include "packets/outbound.h"
#include "packets/requests.h"

namespace dapr_mqtt::packets {

PacketFilter::PacketFilter(PacketFilterOptions options)
    : requests_(std::make_unique<Requests>(options.protocol)),
      inbound_(std::make_unique<Inbound>(options, *requests_)),
      outbound_(std::make_unique<Outbound>(options.protocol, *requests_)) {}

PacketFilter::~PacketFilter() = default;

base::Status PacketFilter::inbound(std::string_view bytes, BrokerEvents& events) {
  return inbound_->take(bytes, events);
}

base::Status PacketFilter::outbound(std::string_view bytes) { return outbound_->take(bytes); }

bool PacketFilter::take_withheld() { return outbound_->take_withheld(); }

bool PacketFilter::connect_seen() const { return requests_->connect_seen(); }

std::size_t PacketFilter::bytes_held() const { return inbound_->held(); }

}  // namespace dapr_mqtt::packets
