#include "events/media_type.h"

#include <algorithm>
#include <string>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::events {
namespace {

/// Lower case, without parameters.
std::string essence(std::string_view media_type) {
  return base::to_lower(base::trim(media_type.substr(0, media_type.find(';'))));
}

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_media_type(std::string_view text) {
  constexpr std::size_t kMost = 256;
  if (text.size() > kMost ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; })) {
    return false;
  }
  const std::string_view type = text.substr(0, text.find(';'));
  const std::size_t slash = type.find('/');
  return slash != std::string_view::npos && is_token(type.substr(0, slash)) &&
         is_token(type.substr(slash + 1, type.find_last_not_of(' ') - slash));
}

bool is_event_type(std::string_view media_type) {
  constexpr std::string_view kPrefix = "application/cloudevents";
  return base::to_lower(media_type.substr(0, kPrefix.size())) == kPrefix;
}

bool is_json_type(std::string_view media_type) { return essence(media_type) == "application/json"; }

bool is_any_json_type(std::string_view media_type) {
  const std::string type = essence(media_type);
  return type.ends_with("/json") || type.ends_with("+json");
}

bool is_text_type(std::string_view media_type) {
  return base::to_lower(media_type.substr(0, 5)) == "text/" ||
         essence(media_type) == "application/xml";
}

}  // namespace dapr_mqtt::events
