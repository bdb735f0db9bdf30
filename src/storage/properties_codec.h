#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::storage {

/// MQTT 5 properties as the bytes of a database column, in this machine's byte order.
/// `arrived_after`: the time of arrival minus IncomingMessage::received. It is stored with an expiry
/// if the wall clock was wrong by enough to matter.
std::string encode_properties(const core::MessageProperties& properties,
                              std::chrono::milliseconds arrived_after = {});
/// None when `bytes` are not what encode_properties() makes.
std::optional<core::MessageProperties> decode_properties(
    std::string_view bytes, std::chrono::milliseconds* arrived_after = nullptr);

}  // namespace dapr_mqtt::storage
