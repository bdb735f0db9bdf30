#include "dapr_mqtt/events/event_maker.h"

#include <map>
#include <string_view>
#include <utility>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/trace_context.h"
#include "events/binary_mode.h"
#include "events/daprd_safety.h"
#include "events/event_reader.h"
#include "events/event_writer.h"
#include "events/media_type.h"

namespace dapr_mqtt::events {
namespace {

// Limits for a message's user properties, the same as for those that become headers
// (dapr/message_metadata.h): anyone can publish them, and they must not fill the event.
constexpr std::size_t kMaxValueBytes = 2048;
constexpr std::size_t kMaxProperties = 32;
constexpr std::size_t kMaxPropertyBytes = 4096;
constexpr std::string_view kPropertyPrefix = "prop";

/// Whether the payload is an event that daprd and apps can read as it is. `declared`: its content
/// type says that it is one.
bool is_event(std::string_view payload, bool declared) {
  const auto head = read_event(payload);
  return head && head->trace_is_text && (declared || head->is_event());
}

/// A URI reference (RFC 3986 section 4.2): /<component>/<topic>.
std::string source_of(std::string_view component, std::string_view topic) {
  constexpr std::string_view kPlain = "-._~!$&'()*+,;=:@/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(component.size() + topic.size() + 2);
  const auto append = [&](std::string_view text) {
    out += '/';
    for (const char c : text) {
      const bool letter =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (letter || kPlain.find(c) != std::string_view::npos) {
        out += c;
        continue;
      }
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4U];
      out += kDigits[static_cast<unsigned char>(c) & 0xFU];
    }
  };
  append(component);
  append(topic);
  return out;
}

/// prop<name>, with the name in lower case and only its letters and digits; empty: it has none.
std::string attribute_name(std::string_view property) {
  std::string out(kPropertyPrefix);
  for (const char c : base::to_lower(property)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out.size() == kPropertyPrefix.size() ? std::string() : out;
}

/// User properties as attributes. Values of the same name are joined with commas.
class PropertyAttributes {
 public:
  void add(std::string_view name, std::string_view value) {
    const std::string key = attribute_name(name);
    const auto same = values_.find(key);
    const bool is_new = same == values_.end();
    const std::size_t cost = value.size() + (is_new ? key.size() : 1);
    const std::size_t length = is_new ? value.size() : same->second.size() + cost;
    if (key.empty() || !base::is_valid_utf8(value) || length > kMaxValueBytes ||
        (is_new && values_.size() == kMaxProperties) || bytes_ + cost > kMaxPropertyBytes) {
      ++omitted_;
      return;
    }
    bytes_ += cost;
    if (is_new) {
      values_.emplace(key, value);
    } else {
      same->second.append(",").append(value);
    }
  }

  void write(EventWriter& event) const {
    for (const auto& [name, value] : values_) event.text(name, value);
    if (omitted_ > 0) event.number("mqttomitted", static_cast<std::int64_t>(omitted_));
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::size_t bytes_ = 0;
  std::size_t omitted_ = 0;
};

void write_properties(const core::MessageProperties& properties, EventWriter& event) {
  const core::TraceContext trace = core::trace_context(properties);
  if (!trace.parent.empty()) event.text(core::kTraceparent, trace.parent);
  if (!trace.state.empty()) event.text(core::kTracestate, trace.state);
  if (!properties.response_topic.empty() && base::is_valid_utf8(properties.response_topic)) {
    event.text("mqttresponsetopic", properties.response_topic);
  }
  if (!properties.correlation_data.empty()) {
    event.text("mqttcorrelationdata", base::to_base64(properties.correlation_data));
  }
  PropertyAttributes attributes;
  for (const auto& [name, value] : properties.user_properties) {
    const bool used = (name == core::kTraceparent && !trace.parent.empty()) ||
                      (name == core::kTracestate && !trace.state.empty());
    if (!used) attributes.add(name, value);
  }
  attributes.write(event);
}

}  // namespace

EventMaker::EventMaker(EventOrigin origin, core::EventOptions options)
    : origin_(std::move(origin)),
      options_(std::move(options)),
      // No name holds a line break.
      identity_(base::stable_hash(origin_.component + '\n' + origin_.consumer_id)) {}

std::optional<std::string> EventMaker::make(const core::Delivery& delivery) const {
  if (options_.raw_payload) return std::nullopt;
  if (options_.mode == core::CloudEventsMode::kPass) {
    if (!may_end_daprd(delivery.message->payload)) return std::nullopt;
  } else if (options_.mode == core::CloudEventsMode::kAuto) {
    const core::IncomingMessage& message = *delivery.message;
    const core::MessageProperties* const properties = message.properties.get();
    const bool declared = properties != nullptr && is_event_type(properties->content_type);
    if (properties != nullptr && !declared && is_binary_event(*properties)) {
      return structured_event(*properties, message.payload);
    }
    if (is_event(message.payload, declared)) return std::nullopt;
  }
  return wrap(delivery);
}

std::string EventMaker::wrap(const core::Delivery& delivery) const {
  const core::IncomingMessage& message = *delivery.message;
  constexpr std::size_t kBeside = 512;  // names, ID, time
  EventWriter event(message.payload.size() + message.payload.size() / 2 + kBeside +
                    3 * message.topic.size());
  const std::int64_t arrived = message.received.time_since_epoch().count();
  // A topic from the broker is UTF-8 (packets/publish); one from an inbox's file may be anything.
  const std::string_view topic =
      base::is_valid_utf8(message.topic) ? std::string_view(message.topic) : std::string_view();
  event.text("specversion", "1.0");
  const std::uint64_t seed = message.event_seed != 0 ? message.event_seed : delivery.id;
  event.text("id", identity_ + "-" + std::to_string(arrived) + "-" + std::to_string(seed));
  event.text("source", source_of(origin_.component, topic));
  event.text("type", options_.type);
  event.text("subject", topic);
  event.time("time", message.received);
  event.text("topic", options_.real_topic_name ? topic : std::string_view(origin_.topic));
  event.text("pubsubname", origin_.component);
  event.number("mqttqos", core::to_int(message.qos));
  event.flag("mqttretained", message.retained);
  if (options_.topic_pattern) {
    for (const auto& [name, value] : options_.topic_pattern->match(topic)) {
      event.text(name, value);
    }
  }
  if (message.properties) write_properties(*message.properties, event);
  event.data(message.payload, message.properties
                                  ? std::string_view(message.properties->content_type)
                                  : std::string_view());
  return std::move(event).take();
}

}  // namespace dapr_mqtt::events
