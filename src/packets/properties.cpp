#include "packets/properties.h"

#include <array>

namespace dapr_mqtt::packets {
namespace {

enum class Kind : std::uint8_t { kNone, kByte, kTwoBytes, kFourBytes, kVariable, kText, kPair };

constexpr std::uint16_t bit(PacketType type) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(type));
}
constexpr std::uint16_t kInConnack = bit(PacketType::kConnack);
constexpr std::uint16_t kInPublish = bit(PacketType::kPublish);
constexpr std::uint16_t kInDisconnect = bit(PacketType::kDisconnect);
constexpr std::uint16_t kInAcknowledgements = bit(PacketType::kPuback) | bit(PacketType::kPubrec) |
                                              bit(PacketType::kPubrel) | bit(PacketType::kPubcomp) |
                                              bit(PacketType::kSuback) | bit(PacketType::kUnsuback);
constexpr std::uint16_t kWithReason = kInConnack | kInDisconnect | kInAcknowledgements;

struct Rule {
  Kind kind = Kind::kNone;
  std::uint16_t packets = 0;  // where a broker may send it
  std::string_view name;
};

constexpr std::size_t kIdentifiers = 0x2B;

/// Table 2-4 of section 2.2.2.2, by identifier; only what a server may send.
constexpr std::array<Rule, kIdentifiers> rules() {
  std::array<Rule, kIdentifiers> all{};
  const auto set = [&all](PropertyId id, Kind kind, std::uint16_t packets, std::string_view name) {
    all[static_cast<std::size_t>(id)] = {kind, packets, name};
  };
  set(PropertyId::kPayloadFormatIndicator, Kind::kByte, kInPublish, "Payload Format Indicator");
  set(PropertyId::kMessageExpiryInterval, Kind::kFourBytes, kInPublish, "Message Expiry Interval");
  set(PropertyId::kContentType, Kind::kText, kInPublish, "Content Type");
  set(PropertyId::kResponseTopic, Kind::kText, kInPublish, "Response Topic");
  set(PropertyId::kCorrelationData, Kind::kText, kInPublish, "Correlation Data");
  set(PropertyId::kSubscriptionIdentifier, Kind::kVariable, kInPublish, "Subscription Identifier");
  set(PropertyId::kSessionExpiryInterval, Kind::kFourBytes, kInConnack, "Session Expiry Interval");
  set(PropertyId::kAssignedClientIdentifier, Kind::kText, kInConnack, "Assigned Client Identifier");
  set(PropertyId::kServerKeepAlive, Kind::kTwoBytes, kInConnack, "Server Keep Alive");
  set(PropertyId::kAuthenticationMethod, Kind::kText, kInConnack, "Authentication Method");
  set(PropertyId::kAuthenticationData, Kind::kText, kInConnack, "Authentication Data");
  set(PropertyId::kResponseInformation, Kind::kText, kInConnack, "Response Information");
  set(PropertyId::kServerReference, Kind::kText, kInConnack | kInDisconnect, "Server Reference");
  set(PropertyId::kReasonString, Kind::kText, kWithReason, "Reason String");
  set(PropertyId::kReceiveMaximum, Kind::kTwoBytes, kInConnack, "Receive Maximum");
  set(PropertyId::kTopicAliasMaximum, Kind::kTwoBytes, kInConnack, "Topic Alias Maximum");
  set(PropertyId::kTopicAlias, Kind::kTwoBytes, kInPublish, "Topic Alias");
  set(PropertyId::kMaximumQos, Kind::kByte, kInConnack, "Maximum QoS");
  set(PropertyId::kRetainAvailable, Kind::kByte, kInConnack, "Retain Available");
  set(PropertyId::kUserProperty, Kind::kPair, kWithReason | kInPublish, "User Property");
  set(PropertyId::kMaximumPacketSize, Kind::kFourBytes, kInConnack, "Maximum Packet Size");
  set(PropertyId::kWildcardSubscriptionAvailable, Kind::kByte, kInConnack,
      "Wildcard Subscription Available");
  set(PropertyId::kSubscriptionIdentifierAvailable, Kind::kByte, kInConnack,
      "Subscription Identifier Available");
  set(PropertyId::kSharedSubscriptionAvailable, Kind::kByte, kInConnack,
      "Shared Subscription Available");
  return all;
}
constexpr std::array<Rule, kIdentifiers> kRules = rules();

bool may_repeat(PropertyId id) {
  // A message that matches several subscriptions has the identifier of each (section 3.3.2.3.8).
  return id == PropertyId::kUserProperty || id == PropertyId::kSubscriptionIdentifier;
}

bool read(Kind kind, ByteReader& from, Property& property) {
  std::uint8_t byte = 0;
  std::uint16_t two_bytes = 0;
  switch (kind) {
    case Kind::kNone: break;
    case Kind::kByte:
      if (!from.u8(byte)) return false;
      property.number = byte;
      return true;
    case Kind::kTwoBytes:
      if (!from.u16(two_bytes)) return false;
      property.number = two_bytes;
      return true;
    case Kind::kFourBytes: return from.u32(property.number);
    case Kind::kVariable: return from.variable_byte_integer(property.number);
    case Kind::kText: return from.string(property.text);
    case Kind::kPair: return from.string(property.text) && from.string(property.value);
  }
  return false;
}

}  // namespace

bool PropertyReader::next(Property& property) {
  if (rest_.empty()) return false;
  // An identifier is a Variable Byte Integer, but all that exist are single bytes.
  std::uint8_t identifier = 0;
  (void)rest_.u8(identifier);
  if (identifier >= kIdentifiers || kRules[identifier].kind == Kind::kNone) {
    return fault(std::to_string(identifier), "is unknown");
  }
  const Rule& rule = kRules[identifier];
  if ((rule.packets & bit(packet_)) == 0) return fault(rule.name, "is not allowed");
  const std::uint64_t seen = std::uint64_t{1} << identifier;
  property.id = static_cast<PropertyId>(identifier);
  if ((seen_ & seen) != 0 && !may_repeat(property.id)) return fault(rule.name, "occurs twice");
  seen_ |= seen;
  if (!read(rule.kind, rest_, property)) return fault(rule.name, "is cut off");
  return true;
}

bool PropertyReader::fault(std::string_view property, std::string_view what) {
  status_ = malformed(packet_, "property " + std::string(property) + " " + std::string(what));
  return false;
}

base::Status take_properties(PacketType packet, ByteReader& reader, std::string_view& block) {
  std::uint32_t length = 0;
  if (!reader.variable_byte_integer(length)) {
    return malformed(packet, "the property length is missing or malformed");
  }
  if (!reader.bytes(length, block)) {
    return malformed(packet, "the property length is " + std::to_string(length) + ", but only " +
                                 std::to_string(reader.rest().size()) + " bytes are left");
  }
  return {};
}

base::Status read_reason_string(PacketType packet, std::string_view block, std::string_view& out) {
  PropertyReader properties(packet, block);
  Property property;
  while (properties.next(property)) {
    if (property.id == PropertyId::kReasonString) out = property.text;
  }
  return properties.status();
}

}  // namespace dapr_mqtt::packets
