// Checks requests against the limits that a broker names in an MQTT 5 CONNACK.
#pragma once

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

using core::BrokerLimits;

/// INVALID_ARGUMENT when this PUBLISH exceeds the limits: sending it would end the connection.
base::Status check_publish(const BrokerLimits& limits, core::ProtocolVersion protocol,
                           const core::OutgoingMessage& message);
/// FAILED_PRECONDITION when the broker does not support this kind of topic filter.
base::Status check_subscribe(const BrokerLimits& limits, const core::TopicFilter& filter);

}  // namespace dapr_mqtt::mqtt
