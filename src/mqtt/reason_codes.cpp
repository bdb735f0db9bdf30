#include "mqtt/reason_codes.h"

#include <MQTTAsync.h>

#include <algorithm>
#include <string>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::mqtt {

std::string_view key_of_client_id(std::string_view client_id) {
  // instance/client_identity.h
  constexpr std::string_view kMark = "-pub-";
  constexpr std::size_t kDigits = 8;
  if (client_id.size() < kMark.size() + kDigits) return "consumerID";
  const std::string_view end = client_id.substr(client_id.size() - kMark.size() - kDigits);
  const bool made =
      end.starts_with(kMark) && end.find_first_not_of("0123456789abcdef", kMark.size()) == end.npos;
  return made ? "clientIdPublisher" : "consumerID";
}

std::string why_no_connack(std::string_view client_id, bool tls) {
  const bool control = std::any_of(client_id.begin(), client_id.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  if (control) {
    return "the client ID " + base::quote(client_id) +
           " has control characters, which brokers reject this way: change consumerID";
  }
  return std::string(tls ? "" : "is it an MQTT port without TLS? ") + "Does the broker accept " +
         "the client ID " + base::quote(client_id) + " (" +
         std::string(key_of_client_id(client_id)) +
         " sets it)? Has it reached its connection limit, or does it allow only one connection for "
         "each user, while this component needs two?";
}

base::Status from_connack(int code, std::string_view client_id) {
  switch (code) {
    case 1:
      return base::failed_precondition(
          "the broker does not accept MQTT 3.1.1 (unacceptable protocol version)");
    case 2:
      return base::invalid_argument("the broker rejects the client identifier " +
                                    base::quote(client_id) + ": change " +
                                    std::string(key_of_client_id(client_id)) +
                                    ". mosquitto says so too when the keep alive is "
                                    "above its max_keepalive: then lower keepAliveInterval");
    case 3:
      return base::unavailable("the broker says that it is not available (server unavailable)");
    case 4:
      return base::unauthenticated(
          "bad user name or password: check username and password, or those in url");
    case 5:
      // mosquitto answers a wrong password with this one too.
      return base::unauthenticated(
          "not authorized: check username and password (or the client certificate), and whether "
          "the broker lets this client in");
    default:
      return base::unavailable("the broker refuses the connection (CONNACK return code " +
                               std::to_string(code) + ")");
  }
}

base::Status subscription_refused(const core::TopicFilter& filter) {
  return base::permission_denied(
      "the broker refused the subscription to " + base::quote(filter.str()) +
      " (SUBACK 0x80): allow it in the broker's access control list, or check the topic filter");
}

base::Status from_paho(int code, std::string_view doing) {
  const std::string where(doing);
  switch (code) {
    case MQTTASYNC_DISCONNECTED:
    case MQTTASYNC_OPERATION_INCOMPLETE:
    case MQTTASYNC_FAILURE:
      return base::unavailable(where + ": the connection to the broker is broken");
    case MQTTASYNC_MAX_MESSAGES_INFLIGHT:
    case MQTTASYNC_MAX_BUFFERED_MESSAGES:
    case MQTTASYNC_NO_MORE_MSGIDS:
      return base::resource_exhausted(where + ": too many messages wait for the broker's answer");
    case MQTTASYNC_BAD_UTF8_STRING: return base::invalid_argument(where + ": not valid UTF-8");
    case MQTTASYNC_BAD_QOS: return base::invalid_argument(where + ": QoS must be 0, 1 or 2");
    default: {
      const char* text = MQTTAsync_strerror(code);
      return base::internal_error(where + ": MQTT library error " + std::to_string(code) +
                                  (text != nullptr ? std::string(" (") + text + ")" : ""));
    }
  }
}

}  // namespace dapr_mqtt::mqtt
