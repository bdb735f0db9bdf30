#pragma once

#include <string>
#include <vector>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::transport {

/// The protocols to offer this endpoint by ALPN (RFC 7301): those in the settings, or what AWS IoT
/// Core needs for MQTT on port 443. Empty: no ALPN extension.
std::vector<std::string> alpn_for(const core::Endpoint& endpoint, const core::TlsMaterial& tls);

/// In OpenSSL's format: each protocol after a byte with its length.
std::string alpn_offer(const std::vector<std::string>& protocols);

}  // namespace dapr_mqtt::transport
