#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::config {

/// The value of `url`, read.
struct BrokerUrls {
  std::vector<core::Endpoint> endpoints;  ///< in the order written
  /// Percent-decoded, from the URLs that have them; none when no URL has one, or
  /// the part is empty.
  std::optional<std::string> username;
  std::optional<base::Secret> password;
};

/// Reads one URL, or several separated by commas. A comma separates only if a
/// scheme follows it, so that passwords may hold commas; for the same reason the
/// last @ ends the user information. Each problem is added to `problems` with its
/// URL, in which the user information is masked.
BrokerUrls parse_broker_urls(std::string_view text, std::vector<std::string>& problems);

}  // namespace dapr_mqtt::config
