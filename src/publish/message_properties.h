#pragma once

#include <memory>

#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"
#include "publish/metadata_problems.h"

namespace dapr_mqtt::publish {

/// The MQTT 5 properties that a publish request's metadata asks for; null when
/// none. Keys in any case, the names that received messages have in daprd too:
///   ttlInSeconds, ttl       message expiry: whole seconds, or a duration
///   mqtt-content-type, mqtt-response-topic, mqtt-property-<name>
///   mqtt-correlation-data   base64
/// Texts are percent-decoded, as they are encoded on the way in, so that what
/// daprd publishes to a dead-letter topic has them unchanged; a % that begins no
/// encoded character stays, and so does an encoded control character: brokers
/// may end the connection for one (MQTT 5 section 1.5.4). In the metadata of a
/// received message, told by its mqtt-attempt, what is wrong is left out instead.
std::shared_ptr<const core::MessageProperties> parse_message_properties(
    const core::Metadata& metadata, MetadataProblems& problems);

}  // namespace dapr_mqtt::publish
