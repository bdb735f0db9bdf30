#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::mqtt {

/// Waits until `fd` has one of `events` (or an error); false when `deadline`
/// passed first.
inline bool wait_fd(int fd, short events, base::TimePoint deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{fd, events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // the next call on fd tells what is wrong
  }
}

}  // namespace dapr_mqtt::mqtt
