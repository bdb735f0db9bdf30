#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dapr_mqtt::base {

/// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates,
/// nothing above U+10FFFF).
bool is_valid_utf8(std::string_view text);

/// Whether a control character (U+0000 to U+001F, U+007F to U+009F) is in this UTF-8 text: brokers
/// may end the connection for one (MQTT 5 section 1.5.4).
bool has_control_character(std::string_view text);

/// `text` in double quotes for a log line or an error: control characters,
/// quotes, backslashes and bytes that are not UTF-8 are escaped. Cut after
/// `max_bytes` with "…", so that foreign text can neither forge a log line
/// nor fill it.
std::string quote(std::string_view text, std::size_t max_bytes = 256);

/// ASCII lower case; other bytes stay.
std::string to_lower(std::string_view text);

/// `text` without white space at both ends.
std::string_view trim(std::string_view text);

/// The number of insertions, deletions, replacements and swaps of neighbours that
/// turn `a` into `b`, ignoring ASCII case: to suggest the name the user meant.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace dapr_mqtt::base
