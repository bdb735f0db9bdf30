#pragma once

#include <poll.h>

#include <span>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"

namespace dapr_mqtt::transport {

enum class Waited { kReady, kTimeUp, kCancelled };

/// Polls `descriptors` until one of them has an event (or an error), `deadline` has passed or
/// `cancel` is set. If several are true, kCancelled is returned.
Waited wait_for(std::span<const pollfd> descriptors, base::TimePoint deadline, const Cancel& cancel,
                std::span<pollfd> result = {});

/// The same for one descriptor.
Waited wait_for(int fd, short events, base::TimePoint deadline, const Cancel& cancel);

/// Waits until `stream` can be read or, while it wants that, be written.
Waited wait_for(const ByteStream& stream, base::TimePoint deadline, const Cancel& cancel);

/// The status of every step whose Cancel was set.
base::Status connecting_cancelled();

}  // namespace dapr_mqtt::transport
