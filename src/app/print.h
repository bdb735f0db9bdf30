// Small things that the commands print with.
#pragma once

#include <chrono>
#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::app {

/// Eight hex digits: probes at the same time must share neither client ID nor topic.
std::string random_suffix();
std::string milliseconds(std::chrono::microseconds time);  ///< "1.2 ms"
/// "dapr-pubsub-mqtt: <text>" to standard error; returns kExitFailure.
int fail(const base::Status& status);

}  // namespace dapr_mqtt::app
