#pragma once

#include <string>

#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::instance {

/// Makes the dead letter for a message that was given up.
///
/// MQTT 5: payload and properties as they were received, except the expiry, and in
/// addition the user properties dead-letter-topic (where it was published), -reason
/// (retries-spent or too-large), -error (the app's), -attempts.
/// MQTT 3.1.1: a JSON object with topic, reason, error, attempts, qos, retained and
/// payload; payloadEncoding is utf-8 or base64.
///
/// If only the beginning of the payload was received (IncomingMessage::full_size), the dead letter
/// has that beginning, and dead-letter-size or size says how many bytes the payload had. The
/// message's own properties are left out, so that the dead letter is small.
///
/// Its QoS is 1: it must be acknowledged, and not every broker takes QoS 2.
core::OutgoingMessage dead_letter_message(const delivery::GivenUp& given_up,
                                          const core::TopicName& topic,
                                          core::ProtocolVersion protocol);

}  // namespace dapr_mqtt::instance
