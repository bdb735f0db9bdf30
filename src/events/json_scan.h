// Scans JSON (RFC 8259) in place: finds the values and their positions without building objects.
// So values keep their bytes (a number keeps its digits), and 4 MiB cost one pass.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace dapr_mqtt::events {

/// The depth limit of daprd's parser (Go's encoding/json: 10,000), minus one for the event around
/// the value.
inline constexpr std::size_t kMaxJsonDepth = 9'999;

/// Whether the text is one JSON value, with optional white space around it, and nothing else; in
/// UTF-8, at most kMaxJsonDepth deep, and with no number beyond the range of a double, which daprd
/// cannot read.
bool is_json(std::string_view text);

enum class JsonKind { kObject, kArray, kString, kNumber, kBool, kNull };

struct JsonMember {
  std::string_view key;    ///< the text between the quotes, escapes included
  std::string_view value;  ///< the text of the value, quotes and escapes included
  JsonKind kind;
};
/// Calls `each` for the members of an object, in order; a name may come more than once. False: the
/// text is not an object, or not JSON as above; then ignore the members seen so far.
bool for_each_member(std::string_view text, const std::function<void(const JsonMember&)>& each);

/// Replaces the escapes in the text between a JSON string's quotes. The text must come from JSON
/// that is_json() accepts. Half a surrogate pair, escaped alone, becomes U+FFFD, as in daprd.
std::string unescaped(std::string_view text);
/// The text of a JSON string, without quotes and escapes.
inline std::string string_value(std::string_view value) {
  return unescaped(value.substr(1, value.size() - 2));
}

/// The length of the beginning of `text` that needs no escape in a JSON string: up to the first
/// control character, quote or backslash.
std::size_t plain_length(std::string_view text);

/// Appends `text`, which must be UTF-8, as a JSON string.
void append_string(std::string& out, std::string_view text);

}  // namespace dapr_mqtt::events
