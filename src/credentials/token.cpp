#include "credentials/token.h"

#include <algorithm>
#include <string>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::credentials {
namespace {

/// The decoded second of three parts separated by dots; none: the text is not a JWT.
std::optional<std::string> claims_of(std::string_view text) {
  constexpr std::size_t kMaxToken = 64U << 10U;
  if (text.size() > kMaxToken || std::count(text.begin(), text.end(), '.') != 2)
    return std::nullopt;
  const std::size_t first = text.find('.');
  std::string part(text.substr(first + 1, text.rfind('.') - first - 1));
  // RFC 7515 section 2: base64url without padding.
  std::replace(part.begin(), part.end(), '-', '+');
  std::replace(part.begin(), part.end(), '_', '/');
  part.append((4 - part.size() % 4) % 4, '=');
  return base::from_base64(part);
}

/// The time in a claim. May find the name inside a text or an inner object instead, which leads to
/// a wrong warning at worst.
std::optional<base::WallTime> time_claim(std::string_view claims, std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  const std::size_t at = claims.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = base::trim(claims.substr(at + quoted.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  rest = base::trim(rest.substr(1));
  std::int64_t seconds = 0;
  std::size_t digits = 0;
  constexpr std::size_t kMaxDigits = 12;  // reaches beyond the year 9999
  for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
    if (digits == kMaxDigits) return std::nullopt;
    seconds = seconds * 10 + (rest[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  return base::WallTime(std::chrono::seconds(seconds));
}

}  // namespace

std::optional<TokenTimes> token_times(std::string_view text) {
  const auto claims = claims_of(base::trim(text));
  if (!claims || !base::trim(*claims).starts_with('{')) return std::nullopt;
  const auto expires = time_claim(*claims, "exp");
  if (!expires) return std::nullopt;
  return TokenTimes{*expires, time_claim(*claims, "iat")};
}

}  // namespace dapr_mqtt::credentials
