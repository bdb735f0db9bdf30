// Values as Dapr's users write them in metadata: of a Component, a publish
// request or a subscription. All trim white space at both ends; none throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dapr_mqtt::base {

/// true, t, yes, y, on, 1 and false, f, no, n, off, 0, in any case. None for
/// anything else, the empty text included.
std::optional<bool> parse_bool(std::string_view text);
/// The values that parse_bool accepts, for error texts.
constexpr std::string_view bool_values() { return "true or false (also 1/0, yes/no, on/off)"; }

/// Decimal digits with an optional sign. None for anything else ("1.0", "0x1",
/// "1e3") and for what does not fit.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// A duration in Go's syntax ("5s", "500ms", "1m30s", "1.5h", "-2s"; units h, m,
/// s, ms, us or µs, ns), or whole seconds without a unit ("5"). Fractions of a
/// millisecond are rounded away from zero, so that only zero becomes zero.
/// None for anything else and for what 64 bits of nanoseconds (292 years) do
/// not hold. The caller checks the sign.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A number of bytes: digits, and a unit or none: Ki, Mi, Gi, Ti (powers of 1024)
/// or k, M, G, T (of 1000), as Kubernetes writes them ("64Mi"). None for anything
/// else and for what does not fit.
std::optional<std::int64_t> parse_size(std::string_view text);

}  // namespace dapr_mqtt::base
