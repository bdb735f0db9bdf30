#include "mqtt/broker_limits.h"

#include <string>

#include "dapr_mqtt/base/text.h"
#include "mqtt/message_properties.h"

namespace dapr_mqtt::mqtt {
namespace {

/// The size of the whole PUBLISH packet (section 3.3).
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
        name + "the broker has no shared subscriptions: remove consumerGroup and $share/");
  }
  if (filter.has_wildcard() && !limits.wildcards_available) {
    return base::failed_precondition(name + "the broker has no wildcard subscriptions");
  }
  return {};
}

}  // namespace dapr_mqtt::mqtt
