// Bytes as printable text and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::base {

/// RFC 4648 section 4, with padding.
std::string to_base64(std::string_view bytes);
/// None for anything that to_base64 cannot have made; line breaks count as such.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace dapr_mqtt::base
