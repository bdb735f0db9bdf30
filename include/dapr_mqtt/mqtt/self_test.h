#pragma once

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::mqtt {

/// Connects the MQTT client library to a minimal broker inside this process, over a socket pair:
/// a connection, a subscription, a message each way with its acknowledgement. Takes milliseconds.
///
/// An error (INTERNAL) says which function of this program the library does not call: such a
/// library could not connect to any broker, without a clear error. For the start of the program,
/// before it has other threads; blocks for half a minute at the most.
base::Status self_test();

}  // namespace dapr_mqtt::mqtt
