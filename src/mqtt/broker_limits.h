// What a broker says of itself in an MQTT 5 CONNACK.
#pragma once

#include <MQTTAsync.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::mqtt {

/// MQTT 5 section 3.2.2.3. The defaults are the protocol's, and what a broker of
/// MQTT 3.1.1 never says.
struct BrokerLimits {
  std::uint32_t receive_maximum = 65'535;  ///< QoS 1 and 2 that may be in flight to it
  std::size_t maximum_packet_size = 268'435'460;  ///< the protocol's own limit
  core::QoS maximum_qos = core::QoS::kExactlyOnce;
  bool retain_available = true;
  bool wildcards_available = true;
  bool shared_available = true;
  /// The keep alive that the client must use instead of its own.
  std::optional<std::chrono::seconds> server_keep_alive;
};

BrokerLimits limits_in_connack(const MQTTProperties& properties);

/// INVALID_ARGUMENT when the broker has said that it would not take this PUBLISH:
/// sending it would end the connection.
base::Status check_publish(const BrokerLimits& limits, core::ProtocolVersion protocol,
                           const core::OutgoingMessage& message);
/// FAILED_PRECONDITION, likewise.
base::Status check_subscribe(const BrokerLimits& limits, const core::TopicFilter& filter);

}  // namespace dapr_mqtt::mqtt
