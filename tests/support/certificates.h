// Certificates for tests, made with OpenSSL in memory: nothing is read from or
// written to disk, nothing expires between two runs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {

/// A certificate and its private key as PEM text.
struct Identity {
  std::string cert_pem;
  std::string key_pem;
};

/// How long from now certificates are valid by default.
inline constexpr std::chrono::hours kYear{365 * 24};

/// A certificate authority with a key of its own (EC P-256). Copies share the
/// key. Not thread-safe. Throws std::runtime_error when OpenSSL fails.
class CertificateAuthority {
 public:
  /// Its own certificate, and those that it issues, are valid until `validity` from now.
  explicit CertificateAuthority(const std::string& name = "dapr-pubsub-mqtt test CA",
                                std::chrono::seconds validity = kYear);

  /// The CA's own certificate, for caCert and cafile.
  const std::string& pem() const { return pem_; }

  /// A server certificate valid for localhost, 127.0.0.1 and ::1.
  Identity server() const;
  /// A server certificate for these DNS names and nothing else, e.g.
  /// {"other.example"} for the wrong-host tests.
  Identity server_for(const std::vector<std::string>& dns_names) const;
  /// As server(), but its validity ended yesterday.
  Identity expired_server() const;
  /// A client certificate with this common name.
  Identity client(const std::string& common_name = "test-client",
                  std::chrono::seconds validity = kYear) const;
  /// As client(), but its validity ended yesterday.
  Identity expired_client(const std::string& common_name = "test-client") const;
  /// As client(), but no clock can be compared with the end of its validity.
  Identity client_without_end(const std::string& common_name = "test-client") const;
  /// A CA whose certificate this one has signed.
  CertificateAuthority intermediate(const std::string& name = "test intermediate CA") const;

 private:
  struct Keys;
  explicit CertificateAuthority(std::shared_ptr<const Keys> keys);
  std::shared_ptr<const Keys> keys_;
  std::string pem_;
};

/// A self-signed server certificate for localhost.
Identity self_signed_server();

}  // namespace dapr_mqtt::testing
