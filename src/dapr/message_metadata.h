// What a pulled message says of itself beside its data.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::dapr {

/// Each key once. Made for each delivery, and then copied into a response: cheaper
/// than a core::Metadata.
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
///
/// daprd hands them to HTTP apps as headers and to gRPC apps as gRPC metadata,
/// without a prefix, and one that is no good header makes each delivery fail.
/// The texts come from strangers. So, for any bytes whatever:
///  - keys are letters, digits, '-', '_' and '.'; other bytes of a property's
///    name become '_', and no key ends with "-bin", which gRPC takes for base64;
///  - values are printable ASCII: bytes outside, '%', and spaces at either end
///    are percent-encoded (%C3%A4); nothing else is, so decoding is exact;
///  - a property that comes again, in any case, joins the first one's value
///    after a comma, as HTTP does with repeated headers;
///  - a value over kMaxValueBytes, a name over kMaxNameBytes, and what is over
///    kMaxProperties or kMaxPropertyBytes is left out whole, never cut.
/// Each key but `retained` begins with "mqtt-": none is one of daprd's own, and
/// none is a publish option (a dead-letter publish takes them all along).
MetadataEntries message_metadata(const core::Delivery& delivery);

inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxValueBytes = 2048;
inline constexpr std::size_t kMaxProperties = 32;
/// Names and values of all user properties. Common servers take 8 KiB of
/// headers in all.
inline constexpr std::size_t kMaxPropertyBytes = 4096;

}  // namespace dapr_mqtt::dapr
