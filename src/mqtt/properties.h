// MQTT 5 properties in Paho's form and ours.
#pragma once

#include <MQTTAsync.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::mqtt {

/// A list of properties to send. Owns what Paho holds for it; Paho's calls copy it.
class PropertyList {
 public:
  PropertyList() = default;
  ~PropertyList() { MQTTProperties_free(&raw_); }
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;

  void add_number(MQTTPropertyCodes code, std::uint32_t value);
  /// Texts and binary data, at most 65,535 bytes.
  void add_bytes(MQTTPropertyCodes code, std::string_view value);
  void add_pair(std::string_view name, std::string_view value);

  const MQTTProperties& raw() const { return raw_; }
  MQTTProperties* get() { return &raw_; }
  bool empty() const { return raw_.count == 0; }

 private:
  void add(const MQTTProperty& property);

  MQTTProperties raw_ = MQTTProperties_initializer;
};

/// A PUBLISH's properties as Paho wants them.
void add_message_properties(const core::MessageProperties& properties, PropertyList& list);

/// Those of a received PUBLISH, any bytes whatever; null when there are none.
std::shared_ptr<const core::MessageProperties> message_properties(const MQTTProperties& received);

/// What is encoded for these: their length and all of them (MQTT 5 section 2.2.2).
std::size_t encoded_size(const core::MessageProperties* properties);

/// None when it is not there.
std::optional<std::uint32_t> number_property(const MQTTProperties& properties,
                                             MQTTPropertyCodes code);
/// Empty when it is not there.
std::string text_property(const MQTTProperties& properties, MQTTPropertyCodes code);

}  // namespace dapr_mqtt::mqtt
