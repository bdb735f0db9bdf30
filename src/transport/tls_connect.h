#pragma once

#include <memory>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"
#include "transport/tls_details.h"

namespace dapr_mqtt::transport {

/// Does the TLS handshake over `below`. Verifies the certificate for the endpoint's host, or
/// TlsMaterial::server_name. On success `details` says what was agreed on. Blocks until `deadline`
/// at the most.
base::Result<std::unique_ptr<ByteStream>> connect_tls(std::unique_ptr<ByteStream> below,
                                                      const core::Endpoint& endpoint,
                                                      const core::TlsMaterial& material,
                                                      base::TimePoint deadline,
                                                      const Cancel& cancel, TlsDetails& details);

}  // namespace dapr_mqtt::transport
