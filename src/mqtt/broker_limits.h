// What a broker says of itself in an MQTT 5 CONNACK, and what that forbids.
#pragma once

#include <MQTTAsync.h>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

using core::BrokerLimits;

BrokerLimits limits_in_connack(const MQTTProperties& properties);

/// INVALID_ARGUMENT when the broker has said that it would not take this PUBLISH:
/// sending it would end the connection.
base::Status check_publish(const BrokerLimits& limits, core::ProtocolVersion protocol,
                           const core::OutgoingMessage& message);
/// FAILED_PRECONDITION, likewise.
base::Status check_subscribe(const BrokerLimits& limits, const core::TopicFilter& filter);

}  // namespace dapr_mqtt::mqtt
