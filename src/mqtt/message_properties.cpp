#include "mqtt/message_properties.h"

#include <cstdint>

namespace dapr_mqtt::mqtt {
namespace {

using ::mqtt::property;

/// The size of `length` as a variable byte integer (section 1.5.5).
std::size_t length_of_length(std::size_t length) {
  return length < 128 ? 1 : length < 16'384 ? 2 : length < 2'097'152 ? 3 : 4;
}

}  // namespace

::mqtt::properties message_properties(const core::MessageProperties& properties) {
  ::mqtt::properties list;
  const auto add_text = [&](property::code code, const std::string& text) {
    if (!text.empty()) list.add({code, text});
  };
  if (properties.expiry) {
    list.add(
        {property::MESSAGE_EXPIRY_INTERVAL, static_cast<std::int32_t>(properties.expiry->count())});
  }
  add_text(property::CONTENT_TYPE, properties.content_type);
  add_text(property::RESPONSE_TOPIC, properties.response_topic);
  add_text(property::CORRELATION_DATA, properties.correlation_data);
  for (const auto& [name, value] : properties.user_properties) {
    list.add({property::USER_PROPERTY, name, value});
  }
  return list;
}

std::size_t encoded_size(const core::MessageProperties* properties) {
  constexpr std::size_t kCode = 1;
  constexpr std::size_t kLength = 2;
  std::size_t size = 0;
  if (properties != nullptr) {
    const auto add_text = [&](const std::string& text) {
      if (!text.empty()) size += kCode + kLength + text.size();
    };
    add_text(properties->content_type);
    add_text(properties->response_topic);
    add_text(properties->correlation_data);
    if (properties->expiry) size += kCode + 4;
    for (const auto& [name, value] : properties->user_properties) {
      size += kCode + kLength + name.size() + kLength + value.size();
    }
  }
  return length_of_length(size) + size;
}

std::string reason_string(const MQTTProperties& received) {
  for (int i = 0; i < received.count; ++i) {
    if (received.array[i].identifier == MQTTPROPERTY_CODE_REASON_STRING) {
      return ::mqtt::get<std::string>(property(received.array[i]));
    }
  }
  return {};
}

}  // namespace dapr_mqtt::mqtt
