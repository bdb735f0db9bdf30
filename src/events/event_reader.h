// Reads a text as a CloudEvent 1.0 in JSON (JSON Event Format 1.0.2).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "events/json_scan.h"

namespace dapr_mqtt::events {

/// The attributes that say whether a text is an event, and its data. Of several members with the
/// same name the last counts, as in daprd.
struct EventHead {
  // True: the attribute is a text that is not empty (CloudEvents 1.0 section 2.1 requires these).
  bool specversion = false;
  bool id = false;
  bool source = false;
  bool type = false;
  /// traceparent and traceid are texts, or absent. With anything else in them, daprd's process
  /// ends when it delivers the event to an HTTP app (1.18.1: a type assertion without a check).
  bool trace_is_text = true;
  std::string data_content_type;  ///< empty: none
  std::optional<JsonMember> data{};
  std::optional<JsonMember> data_base64{};

  bool is_event() const { return specversion && id && source && type; }
};

/// None when `text` is not a JSON object. `other` is called for each attribute except the data and
/// its content type. The views point into `text`.
std::optional<EventHead> read_event(std::string_view text,
                                    const std::function<void(const JsonMember&)>& other = {});

/// Whether this can be the name of an attribute: letters a-z and digits (CloudEvents 1.0 section
/// 3.1), and neither data nor datacontenttype.
bool is_attribute_name(std::string_view name);

}  // namespace dapr_mqtt::events
