#include "dapr/message_metadata.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dapr/header_text.h"
#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/trace_context.h"

namespace dapr_mqtt::dapr {
namespace {

constexpr std::string_view kPropertyPrefix = "mqtt-property-";

std::string flag(bool value) { return value ? "true" : "false"; }

class Builder {
 public:
  Builder() { entries_.reserve(kUsual); }

  /// A trusted value; the key is no user property's.
  void add(std::string_view key, std::string value) {
    entries_.emplace_back(key, std::move(value));
  }

  /// A value from the message's sender.
  void add_foreign(std::string_view key, std::string_view value) {
    auto text = header_value(value, kMaxValueBytes);
    if (text) {
      add(key, *std::move(text));
    } else {
      ++omitted_;
    }
  }

  void add_property(std::string_view name, std::string_view value) {
    auto text = header_value(value, kMaxValueBytes);
    if (name.size() > kMaxNameBytes || !text) {
      ++omitted_;
      return;
    }
    const std::string key = header_name(std::string(kPropertyPrefix).append(name));
    const auto same = find_ignoring_case(key);
    const std::size_t cost = text->size() + (same == entries_.end() ? key.size() : kJoin.size());
    const bool too_many = same == entries_.end() && properties_ == kMaxProperties;
    const bool too_long = same != entries_.end() && same->second.size() + cost > kMaxValueBytes;
    if (too_many || too_long || property_bytes_ + cost > kMaxPropertyBytes) {
      ++omitted_;
      return;
    }
    property_bytes_ += cost;
    if (same != entries_.end()) {
      same->second += std::string(kJoin) + *text;
    } else {
      add(key, *std::move(text));
      ++properties_;
    }
  }

  MetadataEntries take() && {
    if (omitted_ > 0) add("mqtt-omitted", std::to_string(omitted_));
    return std::move(entries_);
  }

 private:
  static constexpr std::string_view kJoin = ",";
  static constexpr std::size_t kUsual = 7;  // without properties

  MetadataEntries::iterator find_ignoring_case(const std::string& key) {
    const std::string wanted = base::to_lower(key);
    return std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return entry.first.size() == wanted.size() && base::to_lower(entry.first) == wanted;
    });
  }

  MetadataEntries entries_;
  std::size_t properties_ = 0;
  std::size_t property_bytes_ = 0;
  std::size_t omitted_ = 0;
};

void add_properties(const core::MessageProperties& properties, Builder& builder) {
  const core::TraceContext trace = core::trace_context(properties);
  if (!trace.parent.empty()) builder.add(core::kTraceparent, std::string(trace.parent));
  if (!trace.state.empty()) builder.add(core::kTracestate, std::string(trace.state));
  if (!properties.content_type.empty()) {
    builder.add_foreign("mqtt-content-type", properties.content_type);
  }
  if (!properties.response_topic.empty()) {
    builder.add_foreign("mqtt-response-topic", properties.response_topic);
  }
  if (!properties.correlation_data.empty()) {
    builder.add_foreign("mqtt-correlation-data", base::to_base64(properties.correlation_data));
  }
  for (const auto& [name, value] : properties.user_properties) builder.add_property(name, value);
}

}  // namespace

MetadataEntries message_metadata(const core::Delivery& delivery) {
  const core::IncomingMessage& message = *delivery.message;
  Builder builder;
  builder.add("retained", flag(message.retained));
  builder.add_foreign("mqtt-topic", message.topic);
  builder.add("mqtt-qos", std::to_string(core::to_int(message.qos)));
  builder.add("mqtt-retained", flag(message.retained));
  builder.add("mqtt-duplicate", flag(message.duplicate));
  builder.add("mqtt-attempt", std::to_string(delivery.attempt));
  if (delivery.expires_in) {
    builder.add("mqtt-expiry-seconds", std::to_string(delivery.expires_in->count()));
  }
  if (message.properties) add_properties(*message.properties, builder);
  return std::move(builder).take();
}

}  // namespace dapr_mqtt::dapr
