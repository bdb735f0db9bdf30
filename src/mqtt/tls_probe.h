#pragma once

#include <ctime>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "mqtt/tls_files.h"

namespace dapr_mqtt::mqtt {

/// What a handshake that went well was about.
struct TlsSight {
  std::string protocol;  ///< "TLSv1.3"
  std::string cipher;
  std::string subject;  ///< of the broker's certificate, in one line
  std::string issuer;
  std::string names;  ///< its DNS names and addresses
  std::time_t not_after = 0;
  int chain = 0;  ///< certificates from the broker's to the CA's, both counted
};

/// Does a TLS handshake on `fd` (connected, non-blocking) with what Paho verifies
/// with, to learn why Paho's failed. None when TLS is in order as far as it went.
/// `await_alert`: look for the broker's alert after the handshake too; in TLS 1.3
/// a missing or rejected client certificate shows up only there (RFC 8446 section
/// 4.4.2.4). Blocks until `deadline` at the most.
std::optional<base::Status> probe_tls(int fd, const core::Endpoint& endpoint, const TlsFiles& files,
                                      bool await_alert, base::TimePoint deadline,
                                      TlsSight* sight = nullptr);

}  // namespace dapr_mqtt::mqtt
