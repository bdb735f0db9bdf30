// What an MQTT 5 broker says of itself, in words, and beside what a Component wants.
#pragma once

#include <string>
#include <vector>

#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/inspect/broker_check.h"

namespace dapr_mqtt::inspect {

/// Everything that it has said, and what it does not have, on one line.
std::string describe(const core::BrokerLimits& limits);

/// What of the Component cannot work with it, each with the setting's name.
std::vector<std::string> contradictions(const core::BrokerLimits& limits, const Wanted& wanted);

/// Empty, or by how much the broker keeps a session for less time than is asked for.
std::string shorter_session(const core::BrokerLimits& limits,
                            const core::ConnectionOptions& connection);

}  // namespace dapr_mqtt::inspect
