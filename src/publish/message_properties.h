#pragma once

#include <memory>
#include <string_view>

#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"
#include "publish/metadata_problems.h"

namespace dapr_mqtt::publish {

/// A key that only the metadata of received messages has (lower case).
inline constexpr std::string_view kAttemptKey = "mqtt-attempt";

/// Whether parse_message_properties() reads this key (lower case).
bool is_property_key(std::string_view name);

/// The MQTT 5 properties that a publish request's metadata asks for; null for none. Keys are in any
/// case; received messages have the same names in daprd (except ttl and ttlInSeconds):
///   ttlInSeconds, ttl       message expiry: whole seconds, or a duration
///   mqtt-content-type, mqtt-response-topic, mqtt-property-<name>
///   mqtt-correlation-data   base64
/// Texts are percent-decoded, since received messages have them encoded: what daprd forwards to a
/// dead-letter topic then has them unchanged. A % that does not begin an encoded character stays,
/// and so does an encoded control character, for which brokers may end the connection (MQTT 5
/// section 1.5.4). In the metadata of a received message, which has the key mqtt-attempt, wrong
/// values are left out instead of being a problem.
std::shared_ptr<const core::MessageProperties> parse_message_properties(
    const core::Metadata& metadata, MetadataProblems& problems);

}  // namespace dapr_mqtt::publish
