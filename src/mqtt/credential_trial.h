#pragma once

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/cancel.h"
#include "dapr_mqtt/transport/resolver.h"

namespace dapr_mqtt::mqtt {

struct CredentialTrial {
  enum class Verdict {
    kGood,      ///< as far as can be seen without CONNECT
    kRefused,   ///< the broker rejected our certificate, or we rejected the broker's
    kNotKnown,  ///< the broker could not be reached
  };
  Verdict verdict = Verdict::kGood;
  base::Status why;  ///< with kRefused
};

/// Opens a second connection to the endpoint, with these options' TLS, and closes it again: this
/// tests the certificates without risking the current connection. Without TLS kGood at once. Blocks
/// for two seconds, or the options' connect_timeout, at the most.
CredentialTrial try_handshake(const core::Endpoint& endpoint,
                              const core::ConnectionOptions& options, transport::Resolver& resolver,
                              const transport::Cancel& cancel);

}  // namespace dapr_mqtt::mqtt
