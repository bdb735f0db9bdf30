#pragma once

#include <ctime>
#include <string>

#include "transport/openssl_handles.h"

namespace dapr_mqtt::transport {

/// The result of a successful handshake, and the broker's certificate.
struct TlsDetails {
  std::string protocol;  ///< "TLSv1.3"
  std::string cipher;
  std::string alpn;     ///< what the broker chose; empty: nothing
  std::string subject;  ///< of the broker's certificate, in one line
  std::string issuer;
  std::string names;  ///< its DNS names and addresses
  std::time_t not_after = 0;
  int chain = 0;  ///< number of certificates from the broker's to the CA's, both included

  /// All of the above in one line, for users.
  std::string summary() const;
  /// A warning if the certificate expires soon after `now`; otherwise empty.
  std::string expiry_warning(std::time_t now) const;
};

TlsDetails details_of(const SSL* session);

/// The DNS names and addresses that `certificate` is valid for; without any, its subject.
std::string names_of(const X509* certificate);

}  // namespace dapr_mqtt::transport
