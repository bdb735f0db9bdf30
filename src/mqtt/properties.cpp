#include "mqtt/properties.h"

#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

MQTTLenString to_paho(std::string_view text) {
  // Paho copies it and never writes to it.
  return {static_cast<int>(text.size()), const_cast<char*>(text.data())};
}

std::string to_string(const MQTTLenString& text) {
  return text.len > 0 ? std::string(text.data, static_cast<std::size_t>(text.len)) : std::string();
}

const MQTTProperty* find(const MQTTProperties& properties, MQTTPropertyCodes code) {
  for (int i = 0; i < properties.count; ++i) {
    if (properties.array[i].identifier == code) return &properties.array[i];
  }
  return nullptr;
}

/// Bytes of a variable byte integer (section 1.5.5).
std::size_t length_of_length(std::size_t length) {
  return length < 128 ? 1 : length < 16'384 ? 2 : length < 2'097'152 ? 3 : 4;
}

}  // namespace

void PropertyList::add(const MQTTProperty& property) { MQTTProperties_add(&raw_, &property); }

void PropertyList::add_number(MQTTPropertyCodes code, std::uint32_t value) {
  MQTTProperty property{};
  property.identifier = code;
  switch (MQTTProperty_getType(code)) {
    case MQTTPROPERTY_TYPE_BYTE: property.value.byte = static_cast<unsigned char>(value); break;
    case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
      property.value.integer2 = static_cast<unsigned short>(value);
      break;
    default: property.value.integer4 = value;
  }
  add(property);
}

void PropertyList::add_bytes(MQTTPropertyCodes code, std::string_view value) {
  MQTTProperty property{};
  property.identifier = code;
  property.value.data = to_paho(value);
  add(property);
}

void PropertyList::add_pair(std::string_view name, std::string_view value) {
  MQTTProperty property{};
  property.identifier = MQTTPROPERTY_CODE_USER_PROPERTY;
  property.value.data = to_paho(name);
  property.value.value = to_paho(value);
  add(property);
}

void add_message_properties(const core::MessageProperties& properties, PropertyList& list) {
  if (properties.expiry) {
    list.add_number(MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
                    static_cast<std::uint32_t>(properties.expiry->count()));
  }
  if (!properties.content_type.empty()) {
    list.add_bytes(MQTTPROPERTY_CODE_CONTENT_TYPE, properties.content_type);
  }
  if (!properties.response_topic.empty()) {
    list.add_bytes(MQTTPROPERTY_CODE_RESPONSE_TOPIC, properties.response_topic);
  }
  if (!properties.correlation_data.empty()) {
    list.add_bytes(MQTTPROPERTY_CODE_CORRELATION_DATA, properties.correlation_data);
  }
  for (const auto& [name, value] : properties.user_properties) list.add_pair(name, value);
}

std::shared_ptr<const core::MessageProperties> message_properties(const MQTTProperties& received) {
  auto properties = std::make_shared<core::MessageProperties>();
  bool any = false;
  for (int i = 0; i < received.count; ++i) {
    const MQTTProperty& property = received.array[i];
    bool ours = true;
    switch (property.identifier) {
      case MQTTPROPERTY_CODE_CONTENT_TYPE:
        properties->content_type = to_string(property.value.data);
        break;
      case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
        properties->response_topic = to_string(property.value.data);
        break;
      case MQTTPROPERTY_CODE_CORRELATION_DATA:
        properties->correlation_data = to_string(property.value.data);
        break;
      case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
        properties->expiry = std::chrono::seconds(property.value.integer4);
        break;
      case MQTTPROPERTY_CODE_USER_PROPERTY:
        properties->user_properties.emplace_back(to_string(property.value.data),
                                                 to_string(property.value.value));
        break;
      default: ours = false;  // payload format, topic alias, subscription identifier
    }
    any = any || ours;
  }
  return any ? std::shared_ptr<const core::MessageProperties>(std::move(properties)) : nullptr;
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

std::optional<std::uint32_t> number_property(const MQTTProperties& properties,
                                             MQTTPropertyCodes code) {
  const MQTTProperty* property = find(properties, code);
  if (property == nullptr) return std::nullopt;
  switch (MQTTProperty_getType(code)) {
    case MQTTPROPERTY_TYPE_BYTE: return property->value.byte;
    case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER: return property->value.integer2;
    default: return property->value.integer4;
  }
}

std::string text_property(const MQTTProperties& properties, MQTTPropertyCodes code) {
  const MQTTProperty* property = find(properties, code);
  return property == nullptr ? std::string() : to_string(property->value.data);
}

}  // namespace dapr_mqtt::mqtt
