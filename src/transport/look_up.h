#pragma once

#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/transport/cancel.h"
#include "dapr_mqtt/transport/resolver.h"

namespace dapr_mqtt::transport {

/// Resolver's answer for `host`. Blocks until `deadline` at the most.
Resolver::Addresses look_up(Resolver& resolver, const std::string& host, base::TimePoint deadline,
                            const Cancel& cancel);

}  // namespace dapr_mqtt::transport
