#pragma once

#include "config/draft.h"

namespace dapr_mqtt::config {

/// Checks what several keys must agree on (user and password, certificate and
/// key, TLS and URL, qos and session), and completes the settings with what
/// follows from several. Problems and warnings go into the draft.
void check_agreement(Draft& draft);

}  // namespace dapr_mqtt::config
