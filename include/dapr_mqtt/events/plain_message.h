// For publishing: a CloudEvent without its envelope.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::events {

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// The data of an event, and its attributes.
struct PlainMessage {
  std::string payload;       ///< the data's bytes; JSON as it stands in the event
  std::string content_type;  ///< its datacontenttype; empty: none
  Attributes attributes;     ///< the other attributes that are not empty, as text, in order
};

/// Takes apart what daprd publishes: a CloudEvent in JSON (specversion, source and type are texts
/// that are not empty). None: it is not an event, and is to be published as it is.
/// INVALID_ARGUMENT: its data_base64 is not base64. Pure; thread-safe; throws nothing but
/// std::bad_alloc.
base::Result<std::optional<PlainMessage>> plain_message(std::string_view event);

/// The event's trace context attributes (core::TraceContext) that are well formed; none when
/// `payload` is not an event as above.
std::optional<Attributes> trace_attributes(std::string_view payload);

}  // namespace dapr_mqtt::events
