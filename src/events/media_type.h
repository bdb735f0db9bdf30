#pragma once

#include <string_view>

namespace dapr_mqtt::events {

/// A media type with or without parameters (RFC 2046) that can be an attribute: printable ASCII of
/// at most 256 bytes that begins with <type>/<subtype>.
bool is_media_type(std::string_view text);

/// Whether it begins with "application/cloudevents", which says that the payload is an event
/// (CloudEvents MQTT binding section 3).
bool is_event_type(std::string_view media_type);
/// The type for which daprd passes `data` on as JSON: application/json, with or without parameters.
bool is_json_type(std::string_view media_type);
/// What the JSON Event Format counts as JSON: any subtype that is json or ends with +json.
bool is_any_json_type(std::string_view media_type);
/// The types for which daprd takes `data` as text: text/… and application/xml.
bool is_text_type(std::string_view media_type);

}  // namespace dapr_mqtt::events
