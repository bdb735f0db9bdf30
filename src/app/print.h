// Small functions that the commands use for their output.
#pragma once

#include <chrono>
#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::app {

/// Eight hex digits: probes that run at the same time must not share a client ID or topic.
std::string random_suffix();
std::string milliseconds(std::chrono::microseconds time);  ///< "1.2 ms"
/// "dapr-pubsub-mqtt: <text>" to standard error; returns kExitFailure.
int fail(const base::Status& status);

}  // namespace dapr_mqtt::app
