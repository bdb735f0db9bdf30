#pragma once

#include <string>

#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::instance {

/// A message that was given up, for its dead-letter topic.
///
/// MQTT 5: payload and properties as they came, but for the expiry, and the user
/// properties dead-letter-topic (where it was published), -reason (retries-spent or
/// too-large), -error (the app's), -attempts.
/// MQTT 3.1.1: a JSON object with topic, reason, error, attempts, qos, retained and
/// payload; payloadEncoding is utf-8 or base64.
core::OutgoingMessage dead_letter_message(const delivery::GivenUp& given_up,
                                          const core::TopicName& topic, core::QoS qos,
                                          core::ProtocolVersion protocol);

}  // namespace dapr_mqtt::instance
