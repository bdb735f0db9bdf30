// MQTT 5 properties in a broker's packets (section 2.2.2.2).
#pragma once

#include <cstdint>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "packets/byte_reader.h"
#include "packets/packet_type.h"

namespace dapr_mqtt::packets {

enum class PropertyId : std::uint8_t {
  kPayloadFormatIndicator = 0x01,
  kMessageExpiryInterval = 0x02,
  kContentType = 0x03,
  kResponseTopic = 0x08,
  kCorrelationData = 0x09,
  kSubscriptionIdentifier = 0x0B,
  kSessionExpiryInterval = 0x11,
  kAssignedClientIdentifier = 0x12,
  kServerKeepAlive = 0x13,
  kAuthenticationMethod = 0x15,
  kAuthenticationData = 0x16,
  kResponseInformation = 0x1A,
  kServerReference = 0x1C,
  kReasonString = 0x1F,
  kReceiveMaximum = 0x21,
  kTopicAliasMaximum = 0x22,
  kTopicAlias = 0x23,
  kMaximumQos = 0x24,
  kRetainAvailable = 0x25,
  kUserProperty = 0x26,
  kMaximumPacketSize = 0x27,
  kWildcardSubscriptionAvailable = 0x28,
  kSubscriptionIdentifierAvailable = 0x29,
  kSharedSubscriptionAvailable = 0x2A,
};

struct Property {
  PropertyId id = PropertyId::kUserProperty;
  std::uint32_t number = 0;  ///< of the properties that are integers
  std::string_view text;     ///< of strings and binary data; a user property's name
  std::string_view value;    ///< a user property's value
};

/// Iterates over the properties of one packet:
///
///   while (properties.next(property)) …
///   if (!properties.status().ok()) …
///
/// A property is malformed if it is truncated, unknown, not for this type of packet, or there twice
/// where that is not allowed.
class PropertyReader {
 public:
  /// `block`: the properties without their length.
  PropertyReader(PacketType packet, std::string_view block) : packet_(packet), rest_(block) {}

  bool next(Property& property);
  const base::Status& status() const { return status_; }

 private:
  bool fault(std::string_view property, std::string_view what);

  const PacketType packet_;
  ByteReader rest_;
  std::uint64_t seen_ = 0;  // a bit for each identifier
  base::Status status_;
};

/// Reads a property length and that many bytes from the front of `reader`.
base::Status take_properties(PacketType packet, ByteReader& reader, std::string_view& block);

/// Reads the reason string of a packet that may only have this and user properties.
base::Status read_reason_string(PacketType packet, std::string_view block, std::string_view& out);

}  // namespace dapr_mqtt::packets
