// The credentials that a connection uses: read from metadata and files, and checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/credentials_report.h"

namespace dapr_mqtt::credentials {

struct Credentials {
  base::Secret password;
  base::Secret auth_data;
  core::TlsMaterial tls;
  std::vector<core::CredentialExpiry> expiries;  ///< of certificates and a token (JWT)
  std::optional<base::WallTime> token_issued;

  /// Whether a connection made with `other` would be the same.
  bool same_as(const Credentials& other) const;
  /// Writes the credentials into the options of an attempt.
  void apply_to(core::ConnectionOptions& options) const;
};

/// Reads the files that `options` names, and checks that they parse and that the key fits the
/// certificate. FAILED_PRECONDITION names the setting, the file and what is wrong. Blocks on the
/// file system. Thread-safe.
base::Result<Credentials> read_credentials(const core::ConnectionOptions& options);

/// The settings that name files, with the files: "passwordFile /run/token, caCertFile /run/ca.crt".
std::string files_of(const core::ConnectionOptions& options);

}  // namespace dapr_mqtt::credentials
