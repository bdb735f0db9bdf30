#include "mqtt/broker_limits.h"

#include <algorithm>
#include <string>

#include "dapr_mqtt/base/text.h"
#include "mqtt/properties.h"

namespace dapr_mqtt::mqtt {
namespace {

/// The whole PUBLISH packet (section 3.3).
std::size_t packet_size(core::ProtocolVersion protocol, const core::OutgoingMessage& message) {
  std::size_t size = 2 + message.topic.str().size() + message.payload.size();
  if (message.qos != core::QoS::kAtMostOnce) size += 2;
  if (protocol == core::ProtocolVersion::kMqtt5) size += encoded_size(message.properties.get());
  return 1 + (size < 128 ? 1 : size < 16'384 ? 2 : size < 2'097'152 ? 3 : 4) + size;
}

std::string topic_of(const core::OutgoingMessage& message) {
  return "topic " + base::quote(message.topic.str()) + ": ";
}

}  // namespace

BrokerLimits limits_in_connack(const MQTTProperties& properties) {
  BrokerLimits limits;
  // 0 is a protocol error in both; a broker that sends it is taken at its default.
  if (const auto n = number_property(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM); n && *n > 0) {
    limits.receive_maximum = *n;
  }
  if (const auto n = number_property(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
      n && *n > 0) {
    limits.maximum_packet_size = std::min<std::size_t>(*n, limits.maximum_packet_size);
  }
  if (const auto n = number_property(properties, MQTTPROPERTY_CODE_MAXIMUM_QOS)) {
    limits.maximum_qos = *n == 0 ? core::QoS::kAtMostOnce : core::QoS::kAtLeastOnce;
  }
  const auto available = [&](MQTTPropertyCodes code) {
    return number_property(properties, code).value_or(1) != 0;
  };
  limits.retain_available = available(MQTTPROPERTY_CODE_RETAIN_AVAILABLE);
  limits.wildcards_available = available(MQTTPROPERTY_CODE_WILDCARD_SUBSCRIPTION_AVAILABLE);
  limits.shared_available = available(MQTTPROPERTY_CODE_SHARED_SUBSCRIPTION_AVAILABLE);
  if (const auto n = number_property(properties, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE)) {
    limits.server_keep_alive = std::chrono::seconds(*n);
  }
  limits.subscription_ids_available =
      available(MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIERS_AVAILABLE);
  limits.topic_alias_maximum =
      number_property(properties, MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM).value_or(0);
  if (const auto n = number_property(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL)) {
    limits.session_expiry = std::chrono::seconds(*n);
  }
  limits.assigned_client_id =
      text_property(properties, MQTTPROPERTY_CODE_ASSIGNED_CLIENT_IDENTIFER);
  return limits;
}

base::Status check_publish(const BrokerLimits& limits, core::ProtocolVersion protocol,
                           const core::OutgoingMessage& message) {
  if (const std::size_t size = packet_size(protocol, message); size > limits.maximum_packet_size) {
    return base::invalid_argument(
        topic_of(message) + "the message is too large: as an MQTT packet it has " +
        std::to_string(size) + " bytes, and the broker takes at most " +
        std::to_string(limits.maximum_packet_size) + " (maximum packet size)");
  }
  if (message.qos > limits.maximum_qos) {
    return base::invalid_argument(topic_of(message) + "the broker takes qos " +
                                  std::to_string(core::to_int(limits.maximum_qos)) +
                                  " at most, not " + std::to_string(core::to_int(message.qos)) +
                                  " (maximum QoS): lower qos");
  }
  if (message.retain && !limits.retain_available) {
    return base::invalid_argument(topic_of(message) +
                                  "the broker keeps no retained messages (retain available: 0): "
                                  "publish without retain");
  }
  return {};
}

base::Status check_subscribe(const BrokerLimits& limits, const core::TopicFilter& filter) {
  const std::string name = "topic filter " + base::quote(filter.str()) + ": ";
  if (filter.shared() && !limits.shared_available) {
    return base::failed_precondition(
        name + "the broker has no shared subscriptions: no consumerGroup and no $share/ with it");
  }
  if (filter.has_wildcard() && !limits.wildcards_available) {
    return base::failed_precondition(name + "the broker has no wildcard subscriptions");
  }
  return {};
}

}  // namespace dapr_mqtt::mqtt
