// MQTT 5 properties of outgoing messages, in paho.mqtt.cpp's form.
#pragma once

#include <MQTTAsync.h>
#include <mqtt/properties.h>

#include <cstddef>
#include <string>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::mqtt {

/// A PUBLISH's properties.
::mqtt::properties message_properties(const core::MessageProperties& properties);

/// The encoded size of the property length and the properties (MQTT 5 section 2.2.2).
std::size_t encoded_size(const core::MessageProperties* properties);

/// The broker's reason string in an acknowledgement; empty when there is none.
std::string reason_string(const MQTTProperties& received);

}  // namespace dapr_mqtt::mqtt
