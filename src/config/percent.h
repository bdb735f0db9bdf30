#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::config {

/// `text` with each %XX turned into its byte (RFC 3986 section 2.1); none if a %
/// is not followed by two hexadecimal digits. A + stays a +.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace dapr_mqtt::config
