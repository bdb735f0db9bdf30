#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::config {

/// A fresh random UUID (RFC 9562 version 4) in lower case, from the system's
/// random source; none if that fails. Thread-safe.
std::optional<std::string> random_uuid();

/// Whether a UUID (RFC 9562 section 4: hex digits in groups of 8-4-4-4-12) stands
/// anywhere in the text.
bool contains_uuid(std::string_view text);

}  // namespace dapr_mqtt::config
