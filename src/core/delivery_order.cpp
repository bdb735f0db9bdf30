#include "dapr_mqtt/core/delivery_order.h"

#include <functional>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::core {
namespace {

constexpr std::string_view kSegment = "segment:";
constexpr std::string_view kProperty = "property:";
/// More levels than any topic in use has.
constexpr std::int64_t kMostSegments = 100;
/// A user property's name is a UTF-8 string with two bytes of length (MQTT 5 section 1.5.7).
constexpr std::size_t kLongestName = 65'535;

std::optional<std::string_view> level(std::string_view topic, std::size_t nth) {
  for (; nth > 1; --nth) {
    const std::size_t slash = topic.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    topic.remove_prefix(slash + 1);
  }
  return topic.substr(0, topic.find('/'));
}

std::optional<std::string_view> property(const IncomingMessage& message, std::string_view name) {
  if (!message.properties) return std::nullopt;
  for (const auto& [its_name, value] : message.properties->user_properties) {
    if (its_name == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<OrderKey> OrderKey::parse(std::string_view text) {
  OrderKey key;
  if (text == "topic") return key;
  if (text.starts_with(kSegment)) {
    const auto number = base::parse_integer(text.substr(kSegment.size()));
    if (!number || *number < 1 || *number > kMostSegments) return std::nullopt;
    key.kind_ = Kind::kSegment;
    key.segment_ = static_cast<std::size_t>(*number);
    return key;
  }
  if (text.starts_with(kProperty)) {
    const std::string_view name = text.substr(kProperty.size());
    if (name.empty() || name.size() > kLongestName || !base::is_valid_utf8(name)) {
      return std::nullopt;
    }
    key.kind_ = Kind::kProperty;
    key.property_ = name;
    return key;
  }
  return std::nullopt;
}

OrderKey OrderKey::all() {
  OrderKey key;
  key.kind_ = Kind::kAll;
  return key;
}

std::uint64_t OrderKey::of(const IncomingMessage& message) const {
  if (kind_ == Kind::kAll) return 0;
  std::optional<std::string_view> text;
  if (kind_ == Kind::kSegment) text = level(message.topic, segment_);
  if (kind_ == Kind::kProperty) text = property(message, property_);
  return std::hash<std::string_view>{}(text ? *text : std::string_view(message.topic));
}

}  // namespace dapr_mqtt::core
