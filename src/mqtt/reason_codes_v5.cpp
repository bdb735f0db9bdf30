#include "mqtt/reason_codes_v5.h"

#include <MQTTReasonCodes.h>

#include <cstdio>
#include <string>

#include "dapr_mqtt/base/text.h"
#include "mqtt/reason_codes.h"

namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;

/// The specification's name in lower case. Not Paho's names, whose spelling differs between its
/// versions.
std::string_view name_of(int code) {
  switch (code) {
    case 0x00: return "normal disconnection";
    case 0x04: return "disconnect with will message";
    case 0x11: return "no subscription existed";
    case 0x80: return "unspecified error";
    case 0x81: return "malformed packet";
    case 0x82: return "protocol error";
    case 0x83: return "implementation specific error";
    case 0x84: return "unsupported protocol version";
    case 0x85: return "client identifier not valid";
    case 0x86: return "bad user name or password";
    case 0x87: return "not authorized";
    case 0x88: return "server unavailable";
    case 0x89: return "server busy";
    case 0x8A: return "banned";
    case 0x8B: return "server shutting down";
    case 0x8C: return "bad authentication method";
    case 0x8D: return "keep alive timeout";
    case 0x8E: return "session taken over";
    case 0x8F: return "topic filter invalid";
    case 0x90: return "topic name invalid";
    case 0x91: return "packet identifier in use";
    case 0x93: return "receive maximum exceeded";
    case 0x94: return "topic alias invalid";
    case 0x95: return "packet too large";
    case 0x96: return "message rate too high";
    case 0x97: return "quota exceeded";
    case 0x98: return "administrative action";
    case 0x99: return "payload format invalid";
    case 0x9A: return "retain not supported";
    case 0x9B: return "QoS not supported";
    case 0x9C: return "use another server";
    case 0x9D: return "server moved";
    case 0x9E: return "shared subscriptions not supported";
    case 0x9F: return "connection rate exceeded";
    case 0xA0: return "maximum connect time";
    case 0xA1: return "subscription identifiers not supported";
    case 0xA2: return "wildcard subscriptions not supported";
    default: return "unknown reason";
  }
}

/// `not authorized (reason code 0x87, "no such user")`
std::string describe(const Reason& reason) {
  char number[8];
  std::snprintf(number, sizeof number, "0x%02X", static_cast<unsigned>(reason.code) & 0xFFU);
  std::string text = std::string(name_of(reason.code)) + " (reason code " + number;
  if (!reason.text.empty()) text += ", " + base::quote(reason.text);
  return text + ")";
}

/// For "use another server" and "server moved" (section 4.13).
std::string other_server(const Reason& reason) {
  return reason.reference.empty() ? "set url to another server of this broker"
                                  : "set url to " + base::quote(reason.reference);
}

std::string with_remedy(std::string text, std::string_view remedy) {
  if (!remedy.empty()) text += ": " + std::string(remedy);
  return text;
}

}  // namespace

base::Status connect_refused(const Reason& reason, std::string_view client_id) {
  // 1 is MQTT 3.1.1's "unacceptable protocol version", the only code below 0x80 that a CONNECT of
  // version 5 can get.
  if (reason.code < kFirstFailure || reason.code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION) {
    return base::failed_precondition(
        "the broker does not speak MQTT 5 (unsupported protocol version): set protocolVersion to "
        "\"3.1.1\"");
  }
  ErrorKind kind = ErrorKind::kUnavailable;
  std::string remedy;
  switch (reason.code) {
    case MQTTREASONCODE_CLIENT_IDENTIFIER_NOT_VALID:
      kind = ErrorKind::kInvalidArgument;
      remedy =
          "change " + std::string(key_of_client_id(client_id)) + ", now " + base::quote(client_id);
      break;
    case MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD:
      kind = ErrorKind::kUnauthenticated;
      remedy = "check username and password, or those in url";
      break;
    case MQTTREASONCODE_NOT_AUTHORIZED:
      kind = ErrorKind::kUnauthenticated;
      remedy =
          "check username and password (or the client certificate), and whether the broker lets "
          "this client in";
      break;
    case MQTTREASONCODE_BANNED: kind = ErrorKind::kPermissionDenied; break;
    case MQTTREASONCODE_BAD_AUTHENTICATION_METHOD:
      kind = ErrorKind::kUnauthenticated;
      remedy =
          "check authMethod and authData; methods that exchange AUTH packets (SCRAM, Kerberos) are "
          "not supported";
      break;
    case MQTTREASONCODE_TOPIC_NAME_INVALID:
    case MQTTREASONCODE_PACKET_TOO_LARGE:
    case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
    case MQTTREASONCODE_RETAIN_NOT_SUPPORTED:
    case MQTTREASONCODE_QOS_NOT_SUPPORTED:
      kind = ErrorKind::kInvalidArgument;
      remedy = "check willTopic, willPayload, willQos and willRetain";
      break;
    case MQTTREASONCODE_QUOTA_EXCEEDED:
    case MQTTREASONCODE_CONNECTION_RATE_EXCEEDED: kind = ErrorKind::kResourceExhausted; break;
    case MQTTREASONCODE_USE_ANOTHER_SERVER:
    case MQTTREASONCODE_SERVER_MOVED: remedy = other_server(reason); break;
    default: break;
  }
  return {kind, with_remedy("the broker refuses the connection: " + describe(reason), remedy)};
}

base::Status publish_refused(const Reason& reason, std::string_view topic) {
  // Never UNAVAILABLE: then the message would be sent again and again.
  ErrorKind kind = ErrorKind::kInternal;
  std::string_view remedy;
  switch (reason.code) {
    case MQTTREASONCODE_NOT_AUTHORIZED:
      kind = ErrorKind::kPermissionDenied;
      remedy = "allow it in the broker's access control list";
      break;
    case MQTTREASONCODE_TOPIC_NAME_INVALID:
    case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
    case MQTTREASONCODE_PACKET_TOO_LARGE:
    case MQTTREASONCODE_RETAIN_NOT_SUPPORTED:
    case MQTTREASONCODE_QOS_NOT_SUPPORTED: kind = ErrorKind::kInvalidArgument; break;
    case MQTTREASONCODE_QUOTA_EXCEEDED:
    case MQTTREASONCODE_MESSAGE_RATE_TOO_HIGH: kind = ErrorKind::kResourceExhausted; break;
    default: break;
  }
  return {kind, with_remedy("the broker refused the message to " + base::quote(topic) + ": " +
                                describe(reason),
                            remedy)};
}

base::Status subscription_refused(const Reason& reason, const core::TopicFilter& filter) {
  // Never UNAVAILABLE or CANCELLED: those say that the connection broke first.
  ErrorKind kind = ErrorKind::kInternal;
  std::string_view remedy;
  switch (reason.code) {
    case MQTTREASONCODE_NOT_AUTHORIZED:
      kind = ErrorKind::kPermissionDenied;
      remedy = "allow it in the broker's access control list";
      break;
    case MQTTREASONCODE_TOPIC_FILTER_INVALID: kind = ErrorKind::kInvalidArgument; break;
    case MQTTREASONCODE_QUOTA_EXCEEDED: kind = ErrorKind::kResourceExhausted; break;
    case MQTTREASONCODE_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED:
      kind = ErrorKind::kFailedPrecondition;
      remedy = "remove consumerGroup and $share/";
      break;
    case MQTTREASONCODE_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED:
      kind = ErrorKind::kFailedPrecondition;
      break;
    default: remedy = "check the broker's access control list and the topic filter";
  }
  return {kind, with_remedy("the broker refused the subscription to " + base::quote(filter.str()) +
                                ": " + describe(reason),
                            remedy)};
}

base::Status unsubscribe_refused(const Reason& reason) {
  return base::internal_error("the broker refused to unsubscribe: " + describe(reason));
}

bool may_reject_request(int code) {
  switch (code) {
    case MQTTREASONCODE_UNSPECIFIED_ERROR:
    case MQTTREASONCODE_MALFORMED_PACKET:
    case MQTTREASONCODE_PROTOCOL_ERROR:
    case MQTTREASONCODE_IMPLEMENTATION_SPECIFIC_ERROR:
    case MQTTREASONCODE_NOT_AUTHORIZED:
    case MQTTREASONCODE_TOPIC_FILTER_INVALID:
    case MQTTREASONCODE_TOPIC_NAME_INVALID:
    case MQTTREASONCODE_PACKET_TOO_LARGE:
    case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
    case MQTTREASONCODE_RETAIN_NOT_SUPPORTED:
    case MQTTREASONCODE_QOS_NOT_SUPPORTED:
    case MQTTREASONCODE_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED:
    case MQTTREASONCODE_SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED:
    case MQTTREASONCODE_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: return true;
    default: return false;
  }
}

base::Status disconnected_by_broker(const Reason& reason, std::string_view client_id) {
  std::string remedy;
  switch (reason.code) {
    case MQTTREASONCODE_SESSION_TAKEN_OVER:
      remedy = "another client with the same client ID " + base::quote(client_id) +
               " has connected. Give each its own consumerID, e.g. with {uuid} or {podName} in it" +
               std::string(kOneConnectionAUser);
      break;
    case MQTTREASONCODE_USE_ANOTHER_SERVER:
    case MQTTREASONCODE_SERVER_MOVED: remedy = other_server(reason); break;
    case MQTTREASONCODE_KEEP_ALIVE_TIMEOUT:
      remedy = "the network was too slow or interrupted";
      break;
    case MQTTREASONCODE_NOT_AUTHORIZED:
      remedy = "the broker no longer allows what this client does";
      break;
    default: break;
  }
  return base::unavailable(
      with_remedy("the broker ended the connection: " + describe(reason), remedy));
}

}  // namespace dapr_mqtt::mqtt
