#pragma once

#include "config/draft.h"

namespace dapr_mqtt::config {

/// Checks that keys agree with each other (user and password, certificate and
/// key, TLS and URL, qos and session), and fills in the settings that depend on
/// several keys. Problems and warnings go into the draft.
void check_agreement(Draft& draft);

/// The part of check_agreement() for values that are also given as files, certificates and keys,
/// TLS, proxies, WebSockets and MQTT 5's authentication.
void check_security(Draft& draft);

}  // namespace dapr_mqtt::config
