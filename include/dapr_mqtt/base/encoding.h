// Bytes as printable text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::base {

/// RFC 4648 section 4, with padding.
std::string to_base64(std::string_view bytes);
/// None for any text that to_base64 cannot produce, such as one with line breaks.
std::optional<std::string> from_base64(std::string_view text);

/// Appends the last `digits` hex digits of `value`, in lower case.
void append_hex(std::string& out, std::uint64_t value, int digits);

/// A hash that is the same in every process and version, unlike std::hash: FNV-1a, 64 bits. A
/// collision by accident is not to be expected, but one can be made on purpose.
std::uint64_t fnv1a(std::string_view text);
/// fnv1a() in 16 hex digits.
std::string stable_hash(std::string_view text);

}  // namespace dapr_mqtt::base
