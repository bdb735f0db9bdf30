#pragma once

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "transport/openssl_handles.h"

namespace dapr_mqtt::transport {

/// A client's context: TLS 1.2 at least (or the material's min_version), OpenSSL's security level 2.
/// Each certificate in caCert is a trust anchor, whether intermediate or root. All certificates and
/// keys come from memory. INVALID_ARGUMENT names the key (caCert, clientCert, clientKey) that
/// OpenSSL cannot use.
base::Result<SslContext> make_tls_context(const core::TlsMaterial& material);

}  // namespace dapr_mqtt::transport
