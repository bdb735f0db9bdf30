#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/credentials_report.h"

namespace dapr_mqtt::credentials {

/// Decides when to warn that something expires: for certificates, once a day in the last 14 days;
/// for a token, when its lifetime has nearly passed; for each, again when it has expired and then
/// once a day. Not thread-safe.
class ExpiryWatch {
 public:
  static constexpr std::chrono::hours kCertificateSoon{14 * 24};
  static constexpr std::chrono::hours kWarnAgainAfter{24};
  /// For a token whose lifetime is not known. If it is known, the last tenth of it counts.
  static constexpr std::chrono::minutes kTokenSoon{5};

  /// The warnings to log now.
  std::vector<std::string> due(const std::vector<core::CredentialExpiry>& expiries,
                               std::optional<base::WallTime> token_issued, base::WallTime now);

 private:
  struct Warned {
    base::WallTime expiry;
    base::WallTime when;
  };
  std::map<core::CredentialExpiry::What, Warned> warned_;
};

}  // namespace dapr_mqtt::credentials
