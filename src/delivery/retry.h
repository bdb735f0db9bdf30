#pragma once

#include <cstdint>
#include <optional>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::delivery {

/// When a message that has failed `failures` times, the last time at `now`, is tried again; none
/// when it is given up.
std::optional<base::WallTime> next_try(const Policy& policy, std::uint32_t failures,
                                       base::WallTime now);

}  // namespace dapr_mqtt::delivery
