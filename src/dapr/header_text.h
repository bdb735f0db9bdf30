#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::dapr {

/// `text` with all but letters, digits, '-', '_' and '.' replaced by '_': what
/// both HTTP (RFC 9110 section 5.6.2) and gRPC take in a header's name. One that
/// would end with "-bin" gets a '_' at the end.
std::string header_name(std::string_view text);

/// `text` percent-encoded to printable ASCII, or nothing when the result would
/// be longer than `max_bytes`. Spaces inside stay.
std::optional<std::string> header_value(std::string_view text, std::size_t max_bytes);

}  // namespace dapr_mqtt::dapr
