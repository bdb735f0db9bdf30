#pragma once

#include <memory>

#include "mqtt/channel.h"

namespace dapr_mqtt::mqtt {

/// To be called after a write to `channel`. On a thread that calls flush_kept_writes() before each
/// of its waits, the written bytes are kept until then. On other threads they are sent at once.
void after_write(const std::shared_ptr<Channel>& channel);

/// Sends what this thread has written. After its first call a thread must call it before each wait.
void flush_kept_writes();

}  // namespace dapr_mqtt::mqtt
