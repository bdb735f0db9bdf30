#include "instance/outgoing_payload.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/events/plain_message.h"

namespace dapr_mqtt::instance {
namespace {

constexpr std::string_view kStructured = "application/cloudevents+json; charset=utf-8";
/// Larger payloads are not searched for a trace context: no Dapr app accepts them.
constexpr std::size_t kMaxLookedAt = 4U << 20U;
constexpr std::size_t kMaxMqttText = 65'535;  // two bytes of length (MQTT 5 section 1.5.4)

bool may_be_sent(std::string_view text) {
  return text.size() <= kMaxMqttText && base::is_valid_utf8(text) &&
         !base::has_control_character(text);
}

void add_properties(std::string_view content_type, events::Attributes attributes,
                    publish::PublishOptions& options) {
  auto properties = options.properties
                        ? std::make_shared<core::MessageProperties>(*options.properties)
                        : std::make_shared<core::MessageProperties>();
  if (properties->content_type.empty() && may_be_sent(content_type)) {
    properties->content_type = content_type;
  }
  auto& user = properties->user_properties;
  const std::size_t asked_for = user.size();
  for (auto& [name, value] : attributes) {
    const auto end = user.begin() + static_cast<std::ptrdiff_t>(asked_for);
    const bool given = std::any_of(
        user.begin(), end, [&name = name](const auto& property) { return property.first == name; });
    if (!given && may_be_sent(name) && may_be_sent(value))
      user.emplace_back(std::move(name), std::move(value));
  }
  options.properties = std::move(properties);
}

}  // namespace

base::Status shape_payload(std::string& payload, publish::PublishOptions& options,
                           core::ProtocolVersion protocol) {
  if (options.raw_payload) return {};
  const bool mqtt5 = protocol == core::ProtocolVersion::kMqtt5;
  if (options.payload == core::PublishPayload::kData) {
    auto plain = events::plain_message(payload);
    if (!plain.ok()) return plain.status();
    if (!plain.value()) return {};
    events::PlainMessage message = *std::move(plain).value();
    payload = std::move(message.payload);
    if (mqtt5) add_properties(message.content_type, std::move(message.attributes), options);
  } else if (mqtt5 && payload.size() <= kMaxLookedAt) {
    if (auto trace = events::trace_attributes(payload)) {
      add_properties(kStructured, *std::move(trace), options);
    }
  }
  return {};
}

}  // namespace dapr_mqtt::instance
