// The one place where MQTT 5's reason codes (section 2.4) become a base::Status.
// Each text has the code's name and number, the broker's reason string where it
// sent one, and a remedy where there is one.
#pragma once

#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

/// Reason codes from here on are failures.
inline constexpr int kFirstFailure = 0x80;

/// What a reason code came with.
struct Reason {
  int code = 0;
  std::string_view text{};  ///< the broker's reason string, foreign text
};

/// CONNACK's. A code below 0x80 is MQTT 3.1.1's: the broker does not know MQTT 5
/// and answers in the words of its own version.
base::Status connect_refused(const Reason& reason, std::string_view client_id);
/// PUBACK's and PUBREC's.
base::Status publish_refused(const Reason& reason, std::string_view topic);
/// SUBACK's.
base::Status subscription_refused(const Reason& reason, const core::TopicFilter& filter);
/// UNSUBACK's.
base::Status unsubscribe_refused(const Reason& reason);
/// DISCONNECT's, always UNAVAILABLE: the connection is made again.
base::Status disconnected_by_broker(const Reason& reason, std::string_view client_id);

}  // namespace dapr_mqtt::mqtt
