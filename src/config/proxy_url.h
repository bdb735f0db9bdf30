#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::config {

/// Reads "http://user:password@host:port" or "socks5://…" (socks5h:// is the same). None: `problem`
/// says why, without anything that could be a secret.
std::optional<core::Proxy> parse_proxy_url(std::string_view text, std::string& problem);

}  // namespace dapr_mqtt::config
