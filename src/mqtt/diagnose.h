#pragma once

#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "mqtt/tls_files.h"

namespace dapr_mqtt::mqtt {

/// How Paho's attempt ended, which is all that it tells.
enum class AttemptEnd {
  kBroken,   ///< "TCP/TLS connect failure"
  kSilence,  ///< nothing until our time was up
};

struct Diagnosis {
  base::Status cause;  ///< never OK; without the endpoint's name
  /// How far the attempt got, to pick the most telling of several: 0 no TCP
  /// connection, 1 TCP, 2 TLS, 3 an answer of the broker's.
  int depth = 0;
};

/// Finds out why Paho could not connect to `address` (numeric) for `endpoint`, by
/// connecting once more and, for TLS, shaking hands with the same files and the
/// same checks. Sends no MQTT. Blocks until `deadline` at the most.
Diagnosis diagnose(const core::Endpoint& endpoint, core::ProtocolVersion protocol,
                   const std::string& address, const TlsFiles& files, AttemptEnd end,
                   base::TimePoint deadline);

}  // namespace dapr_mqtt::mqtt
