#pragma once

#include <memory>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"

namespace dapr_mqtt::transport {

/// Asks the proxy at the other end of `below` for a connection to the endpoint's host (which the
/// proxy looks up) and port: HTTP CONNECT (RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928, with user
/// name and password: RFC 1929). Errors name the proxy and what it said. Blocks until `deadline` at
/// the most.
base::Result<std::unique_ptr<ByteStream>> connect_through(std::unique_ptr<ByteStream> below,
                                                          const core::Proxy& proxy,
                                                          const core::Endpoint& endpoint,
                                                          base::TimePoint deadline,
                                                          const Cancel& cancel);

}  // namespace dapr_mqtt::transport
