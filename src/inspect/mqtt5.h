// Describes what an MQTT 5 broker says of itself, and compares it with a Component's settings.
#pragma once

#include <string>
#include <vector>

#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/inspect/broker_check.h"

namespace dapr_mqtt::inspect {

/// All limits of the broker, and the features that it lacks, on one line.
std::string describe(const core::BrokerLimits& limits);

/// The settings of the Component that cannot work with the broker, each by name.
std::vector<std::string> contradictions(const core::BrokerLimits& limits, const Wanted& wanted);

/// If the broker keeps a session for less time than requested, a text that says so; else empty.
std::string shorter_session(const core::BrokerLimits& limits,
                            const core::ConnectionOptions& connection);

}  // namespace dapr_mqtt::inspect
