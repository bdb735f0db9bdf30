#include "events/binary_mode.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/trace_context.h"
#include "events/event_reader.h"
#include "events/event_writer.h"

namespace dapr_mqtt::events {
namespace {

constexpr std::array<std::string_view, 4> kRequired = {"specversion", "id", "source", "type"};

bool is_attribute(std::string_view name, std::string_view value) {
  if (name == core::kTraceparent) return core::is_traceparent(value);
  if (name == core::kTracestate) return core::is_tracestate(value);
  return is_attribute_name(name) && base::is_valid_utf8(value);
}

/// MQTT's own content type, or the user property that the binding's example has as well.
std::string_view declared_type(const core::MessageProperties& properties) {
  if (!properties.content_type.empty()) return properties.content_type;
  for (const auto& [name, value] : properties.user_properties) {
    if (name == "datacontenttype") return value;
  }
  return {};
}

}  // namespace

bool is_binary_event(const core::MessageProperties& properties) {
  const auto& user = properties.user_properties;
  return std::all_of(kRequired.begin(), kRequired.end(), [&](std::string_view wanted) {
    const auto first = std::find_if(user.begin(), user.end(),
                                    [&](const auto& property) { return property.first == wanted; });
    return first != user.end() && !first->second.empty() && is_attribute(wanted, first->second);
  });
}

std::string structured_event(const core::MessageProperties& properties, std::string_view payload) {
  const auto& user = properties.user_properties;
  std::size_t attributes = properties.content_type.size();
  for (const auto& [name, value] : user) attributes += 8 + name.size() + value.size();
  EventWriter event(payload.size() + payload.size() / 2 + attributes * 2);
  std::vector<std::string_view> names(kRequired.begin(), kRequired.end());
  for (const std::string_view name : kRequired) {
    event.text(name, std::find_if(user.begin(), user.end(), [&](const auto& property) {
                       return property.first == name;
                     })->second);
  }
  for (const auto& [name, value] : user) {
    if (names.size() == kMaxAttributes) break;
    if (!is_attribute(name, value) || std::find(names.begin(), names.end(), name) != names.end()) {
      continue;
    }
    names.push_back(name);
    event.text(name, value);
  }
  event.data(payload, declared_type(properties));
  return std::move(event).take();
}

}  // namespace dapr_mqtt::events
