// The only place where MQTT 5's reason codes (section 2.4) become a base::Status. Each text has the
// code's name and number, the broker's reason string if it sent one, and a remedy if there is one.
#pragma once

#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

/// Reason codes from here on are failures.
inline constexpr int kFirstFailure = 0x80;

/// A reason code and what came with it.
struct Reason {
  int code = 0;
  std::string_view text{};       ///< the broker's reason string, untrusted text
  std::string_view reference{};  ///< its Server Reference, untrusted text
};

/// The error for CONNACK's code. A code below 0x80 is one of MQTT 3.1.1: the broker does not know
/// MQTT 5 and answers in the format of its own version.
base::Status connect_refused(const Reason& reason, std::string_view client_id);
/// For PUBACK's and PUBREC's code.
base::Status publish_refused(const Reason& reason, std::string_view topic);
/// For SUBACK's code.
base::Status subscription_refused(const Reason& reason, const core::TopicFilter& filter);
/// For UNSUBACK's code.
base::Status unsubscribe_refused(const Reason& reason);
/// Whether a DISCONNECT with this code may be the broker's answer to a request of ours. False for
/// codes about the broker itself, the session, or timeouts.
bool may_reject_request(int code);
/// For DISCONNECT's code. Always UNAVAILABLE, since the connection is made again.
base::Status disconnected_by_broker(const Reason& reason, std::string_view client_id);

}  // namespace dapr_mqtt::mqtt
