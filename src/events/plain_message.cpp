#include "dapr_mqtt/events/plain_message.h"

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/core/trace_context.h"
#include "events/binary_mode.h"
#include "events/event_reader.h"
#include "events/media_type.h"

namespace dapr_mqtt::events {
namespace {

/// An app that publishes its own events may leave out the ID, and daprd does not add one.
bool is_published_event(const std::optional<EventHead>& head) {
  return head && head->specversion && head->source && head->type;
}

/// An attribute's value as text (CloudEvents 1.0 section 3.2); empty if it cannot be an attribute.
std::string text_of(const JsonMember& attribute) {
  if (!is_attribute_name(attribute.key)) return {};
  switch (attribute.kind) {
    case JsonKind::kString: break;
    case JsonKind::kNumber:
    case JsonKind::kBool: return std::string(attribute.value);
    default: return {};
  }
  std::string text = string_value(attribute.value);
  if (attribute.key == core::kTraceparent && !core::is_traceparent(text)) return {};
  if (attribute.key == core::kTracestate && !core::is_tracestate(text)) return {};
  return text;
}

std::string data_of(const EventHead& head) {
  if (!head.data || head.data->kind == JsonKind::kNull) return {};
  // Without a content type the data is JSON (JSON Event Format section 3.1.1).
  const bool json = head.data_content_type.empty() || is_any_json_type(head.data_content_type);
  if (head.data->kind == JsonKind::kString && !json) return string_value(head.data->value);
  return std::string(head.data->value);
}

}  // namespace

base::Result<std::optional<PlainMessage>> plain_message(std::string_view event) {
  PlainMessage message;
  const auto head = read_event(event, [&](const JsonMember& attribute) {
    if (message.attributes.size() == kMaxAttributes) return;
    if (std::string text = text_of(attribute); !text.empty()) {
      message.attributes.emplace_back(attribute.key, std::move(text));
    }
  });
  if (!is_published_event(head)) return std::optional<PlainMessage>();
  if (head->data_base64 && head->data_base64->kind == JsonKind::kString) {
    auto bytes = base::from_base64(string_value(head->data_base64->value));
    if (!bytes) return base::invalid_argument("the event's data_base64 is not base64");
    message.payload = *std::move(bytes);
  } else {
    message.payload = data_of(*head);
  }
  message.content_type = head->data_content_type;
  return std::optional(std::move(message));
}

std::optional<Attributes> trace_attributes(std::string_view payload) {
  Attributes found;
  const auto head = read_event(payload, [&](const JsonMember& attribute) {
    if (attribute.key != core::kTraceparent && attribute.key != core::kTracestate) return;
    if (std::string text = text_of(attribute); !text.empty()) {
      found.emplace_back(attribute.key, std::move(text));
    }
  });
  if (!is_published_event(head)) return std::nullopt;
  return found;
}

}  // namespace dapr_mqtt::events
