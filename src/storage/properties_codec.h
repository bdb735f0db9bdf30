#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::storage {

/// MQTT 5 properties as the bytes of a database column, for this machine alone.
std::string encode_properties(const core::MessageProperties& properties);
/// None when `bytes` are not what encode_properties() makes.
std::optional<core::MessageProperties> decode_properties(std::string_view bytes);

}  // namespace dapr_mqtt::storage
