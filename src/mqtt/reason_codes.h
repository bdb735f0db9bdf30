// The only place where the codes of MQTT 3.1.1 and Paho become a base::Status.
#pragma once

#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::mqtt {

/// For brokers that use the user name as the client ID: with them the two connections of a Component
/// are impossible.
inline constexpr std::string_view kOneConnectionAUser =
    ". Or the broker allows one connection for each user (Azure IoT Hub; mosquitto with "
    "use_username_as_clientid), and this component needs two";

/// The key that sets this client ID: clientIdPublisher if it ends like a generated client ID of a
/// publisher, otherwise consumerID.
std::string_view key_of_client_id(std::string_view client_id);

/// Questions for a user whose broker closed the connection instead of sending CONNACK. `tls`: whether
/// the connection uses TLS.
std::string why_no_connack(std::string_view client_id, bool tls);

/// The error for CONNACK's return code (MQTT 3.1.1 section 3.2.2.3), 1 to 5; the text for others has
/// their number. Not for 0.
base::Status from_connack(int code, std::string_view client_id);

/// The error for SUBACK's 0x80 (section 3.9.3).
base::Status subscription_refused(const core::TopicFilter& filter);

/// The error for a negative return code of Paho's. `doing` names the operation, e.g.
/// `publishing to "a/b"`. Not for MQTTASYNC_SUCCESS.
base::Status from_paho(int code, std::string_view doing);

}  // namespace dapr_mqtt::mqtt
