// Certificates for tests, made with OpenSSL in memory: nothing is read from or
// written to disk, nothing expires between two runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {

/// A certificate and its private key as PEM text.
struct Identity {
  std::string cert_pem;
  std::string key_pem;
};

/// A certificate authority with a key of its own (EC P-256). Copies share the
/// key. Not thread-safe. Throws std::runtime_error when OpenSSL fails.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name = "dapr-pubsub-mqtt test CA");

  /// The CA's own certificate: what caCert and cafile take.
  const std::string& pem() const { return pem_; }

  /// A server certificate good for localhost, 127.0.0.1 and ::1.
  Identity server() const;
  /// A server certificate for these DNS names and nothing else, e.g.
  /// {"other.example"} for the wrong-host tests.
  Identity server_for(const std::vector<std::string>& dns_names) const;
  /// As server(), but its validity ended yesterday.
  Identity expired_server() const;
  /// A client certificate with this common name.
  Identity client(const std::string& common_name = "test-client") const;
  /// As client(), but its validity ended yesterday.
  Identity expired_client(const std::string& common_name = "test-client") const;

 private:
  struct Keys;
  std::shared_ptr<const Keys> keys_;
  std::string pem_;
};

/// A server certificate for localhost that signed itself.
Identity self_signed_server();

}  // namespace dapr_mqtt::testing
