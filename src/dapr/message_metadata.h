// The metadata of a message on a PullMessages stream.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::dapr {

/// Each key occurs once. Made for each delivery and then copied into a response; cheaper than a
/// core::Metadata.
using MetadataEntries = std::vector<std::pair<std::string, std::string>>;

/// The metadata of one delivery, as docs and DESIGN name it:
///   retained, mqtt-retained, mqtt-duplicate  "true" or "false"
///   mqtt-topic    the topic it was published to (the subscription's may be a filter)
///   mqtt-qos      0, 1, 2
///   mqtt-attempt  1 for the first delivery
/// and with MQTT 5, where present:
///   mqtt-content-type, mqtt-response-topic, mqtt-correlation-data (base64),
///   mqtt-expiry-seconds (what is left), mqtt-property-<name> for each user property
///   mqtt-omitted  how many of all these were left out, if any were
///   traceparent, tracestate  as daprd reads them, where the user properties of these names are
///                 well formed (core::trace_context)
///
/// daprd passes them to HTTP apps as headers and to gRPC apps as gRPC metadata, without a prefix,
/// and one invalid header makes every delivery of the message fail. The texts come from untrusted
/// senders. So, for any bytes:
///  - keys are letters, digits, '-', '_' and '.'; other bytes of a property's
///    name become '_', and no key ends with "-bin", which gRPC takes for base64;
///  - values are printable ASCII: other bytes, '%', and spaces at either end are percent-encoded
///    (%C3%A4); nothing else is, so decoding is exact;
///  - if a property name occurs again (ignoring case), its value is appended to the first one's
///    after a comma, as HTTP does with repeated headers;
///  - a value over kMaxValueBytes, a name over kMaxNameBytes, and what exceeds kMaxProperties or
///    kMaxPropertyBytes is left out as a whole, never cut.
/// Each key but `retained` and the trace context begins with "mqtt-". So the others are no keys of
/// daprd, and none is a publish option (a dead-letter publish has all of them in its metadata).
MetadataEntries message_metadata(const core::Delivery& delivery);

inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxValueBytes = 2048;
inline constexpr std::size_t kMaxProperties = 32;
/// The limit for names and values of all user properties. Common HTTP servers accept 8 KiB of
/// headers in total.
inline constexpr std::size_t kMaxPropertyBytes = 4096;

}  // namespace dapr_mqtt::dapr
