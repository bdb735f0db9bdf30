#pragma once

#include <chrono>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::core {

/// An acknowledgement that the broker has not sent in time, on a connection that works otherwise
/// (it answers PINGREQ).
struct MissingAnswer {
  std::string packet;  ///< "PUBACK", "PUBCOMP", "SUBACK" or "UNSUBACK"
  std::string name;    ///< the topic or topic filter of the request
  std::chrono::seconds waited{};

  /// UNAVAILABLE, with all three fields in the text.
  base::Status status() const {
    return base::unavailable("connected, but the broker has sent no " + packet + " for " +
                             base::quote(name) + " in " + std::to_string(waited.count()) + " s");
  }
};

}  // namespace dapr_mqtt::core
