// CloudEvents in MQTT 5's user properties: the binary content mode (CloudEvents MQTT Protocol
// Binding 1.0.2, section 3.1).
#pragma once

#include <string>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::events {

/// Whether the user properties have all the attributes that an event must have. The caller has
/// checked that the content type does not say that the payload itself is an event.
bool is_binary_event(const core::MessageProperties& properties);

/// The same event in JSON. Left out are properties that are not attributes, repeated names, and
/// attributes beyond kMaxAttributes.
std::string structured_event(const core::MessageProperties& properties, std::string_view payload);

inline constexpr std::size_t kMaxAttributes = 64;

}  // namespace dapr_mqtt::events
