// The parts of the key table, in the order of the documents.
#pragma once

#include <span>

#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

/// The keys of credentials, TLS, proxies and WebSockets: after all others.
std::span<const KeyInfo> security_rows();

}  // namespace dapr_mqtt::config
