#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::dapr {

/// `text` with every character but letters, digits, '-', '_' and '.' replaced by '_': those are
/// allowed in a header's name both in HTTP (RFC 9110 section 5.6.2) and in gRPC. A name that would
/// end with "-bin" gets a '_' at the end.
std::string header_name(std::string_view text);

/// `text` percent-encoded to printable ASCII, or none when the result would be longer than
/// `max_bytes`. Spaces stay, except at the beginning and at the end.
std::optional<std::string> header_value(std::string_view text, std::size_t max_bytes);

}  // namespace dapr_mqtt::dapr
