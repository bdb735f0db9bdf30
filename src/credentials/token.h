#pragma once

#include <optional>
#include <string_view>

#include "dapr_mqtt/base/clock.h"

namespace dapr_mqtt::credentials {

/// The times in a JWT (RFC 7519): claims exp and iat.
struct TokenTimes {
  base::WallTime expires;
  std::optional<base::WallTime> issued;
};

/// None when `text` is not a JWT, or has no expiry. The token is not verified: these times are for
/// warnings only.
std::optional<TokenTimes> token_times(std::string_view text);

}  // namespace dapr_mqtt::credentials
