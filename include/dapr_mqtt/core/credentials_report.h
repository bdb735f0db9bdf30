// The state of a connection's credentials, for log, metrics and health.
#pragma once

#include <string>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::core {

struct CredentialExpiry {
  enum class What { kClientCertificate, kCaCertificate, kBrokerCertificate, kToken };
  What what = What::kClientCertificate;
  base::WallTime at;
  bool operator==(const CredentialExpiry&) const = default;
};

struct CredentialsReport {
  /// OK: the credentials in the files are in use. Else the earlier ones are in use, and this says
  /// why, for users.
  base::Status problem;
  /// Of the credentials in use. Of several client certificates the first to expire, of several CA
  /// certificates the last.
  std::vector<CredentialExpiry> expiries;
};

/// "client certificate" and so on.
inline const char* name_of(CredentialExpiry::What what) {
  switch (what) {
    case CredentialExpiry::What::kClientCertificate: return "client certificate";
    case CredentialExpiry::What::kCaCertificate: return "CA certificate";
    case CredentialExpiry::What::kBrokerCertificate: return "broker's certificate";
    case CredentialExpiry::What::kToken: return "token";
  }
  return "certificate";
}

}  // namespace dapr_mqtt::core
