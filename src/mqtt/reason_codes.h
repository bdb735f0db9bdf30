// The one place where MQTT's and Paho's codes become a base::Status.
#pragma once

#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

/// CONNACK's return code (MQTT 3.1.1 section 3.2.2.3), 1 to 5; others are named
/// by their number. Not for 0.
base::Status from_connack(int code, std::string_view client_id);

/// SUBACK's 0x80 (section 3.9.3).
base::Status subscription_refused(const core::TopicFilter& filter);

/// A negative return code of Paho's, for an operation that `doing` names, e.g.
/// `publishing to "a/b"`. Not for MQTTASYNC_SUCCESS.
base::Status from_paho(int code, std::string_view doing);

}  // namespace dapr_mqtt::mqtt
