// Turns OpenSSL's error reasons into texts for users.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::transport {

/// What is known about a handshake that failed.
struct TlsFailure {
  long verify_result = 0;   ///< X509_V_OK: the broker's certificate was not the cause
  int reason = 0;           ///< SSL_R_…; 0: none
  std::string host;         ///< the host that the certificate was checked for
  std::string names;        ///< on a host name mismatch: the names the certificate is valid for
  bool has_own_ca = false;  ///< caCert is set
  bool has_client_cert = false;
  std::vector<std::string> alpn;  ///< the protocols that were offered
};

base::Status handshake_failure(const TlsFailure& failure);

/// For failures after the handshake. An alert about the client certificate gets the same text as
/// during the handshake: in TLS 1.3 it comes only with the first read (RFC 8446 section 4.4.2.4).
base::Status stream_failure(int reason, bool has_client_cert);

/// Whether the other side's alert is about our certificate.
bool is_client_certificate_alert(int reason);

}  // namespace dapr_mqtt::transport
