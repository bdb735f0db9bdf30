#include "delivery/retry.h"

namespace dapr_mqtt::delivery {

std::optional<base::WallTime> next_try(const Policy& policy, std::uint32_t failures,
                                       base::WallTime now) {
  if (policy.max_retries >= 0 && failures > policy.max_retries) return std::nullopt;
  return now + policy.retry_interval;
}

}  // namespace dapr_mqtt::delivery
