#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::config {

/// What the value of `url` says.
struct BrokerUrls {
  std::vector<core::Endpoint> endpoints;  ///< in the order written
  /// Percent-decoded, from whichever of the URLs has them; none when no URL
  /// does or the part is empty.
  std::optional<std::string> username;
  std::optional<base::Secret> password;
};

/// Reads one URL or several with commas between. A comma separates only where a
/// scheme follows it, so that passwords may hold commas; likewise the last @
/// ends the user information. Each problem found is added to `problems` with
/// the URL it is in, user information masked.
BrokerUrls parse_broker_urls(std::string_view text, std::vector<std::string>& problems);

}  // namespace dapr_mqtt::config
