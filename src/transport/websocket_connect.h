#pragma once

#include <memory>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"

namespace dapr_mqtt::transport {

/// Upgrades `below` to a WebSocket. Blocks until `deadline` at the most.
base::Result<std::unique_ptr<ByteStream>> connect_websocket(std::unique_ptr<ByteStream> below,
                                                            const core::Endpoint& endpoint,
                                                            const core::WebSocketOptions& options,
                                                            base::TimePoint deadline,
                                                            const Cancel& cancel);

}  // namespace dapr_mqtt::transport
