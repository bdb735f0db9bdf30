#pragma once

#include <cstdint>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::mqtt {

/// Connects `fd` (made here, non-blocking) to a numeric address. 0, or the errno
/// why not. Blocks until `deadline` at the most.
int connect_tcp(base::UniqueFd& fd, const std::string& address, std::uint16_t port,
                base::TimePoint deadline);

/// What such an errno means to a user.
base::Status tcp_failure(int error);

}  // namespace dapr_mqtt::mqtt
