// CONNACK and DISCONNECT from the broker (sections 3.2 and 3.14).
#pragma once

#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/packets/packet_filter.h"

namespace dapr_mqtt::packets {

/// `body`: the packet without its fixed header, as in the other parsers.
base::Status parse_connack(core::ProtocolVersion protocol, std::string_view body, Connack& connack);

/// MQTT 5 only.
base::Status parse_disconnect(std::string_view body, Disconnect& disconnect);

}  // namespace dapr_mqtt::packets
