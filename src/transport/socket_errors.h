#pragma once

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::transport {

/// The error text for users for this errno of connect().
base::Status tcp_failure(int error);

/// The error text for users for this errno of an established connection: "the connection broke: …".
base::Status connection_broke(int error);

}  // namespace dapr_mqtt::transport
