#include "inspect/mqtt5.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::inspect {
namespace {

using std::chrono::seconds;

/// "For ever" in our CONNECT: 68 years, see mqtt/connect_arguments.
constexpr seconds kAsLongAsCanBeAsked{0x7FFF'FFFF};

void add(std::string& list, const std::string& part) { list += (list.empty() ? "" : ", ") + part; }

std::string qos(core::QoS value) { return std::to_string(core::to_int(value)); }

std::string lifetime(seconds time) {
  return time >= core::kSessionNeverExpires ? "for ever" : std::to_string(time.count()) + " s";
}

}  // namespace

std::string describe(const core::BrokerLimits& limits) {
  const core::BrokerLimits protocol;
  std::string has;
  std::string lacks;
  const auto feature = [&](bool available, const char* name) {
    add(available ? has : lacks, name);
  };
  feature(limits.shared_available, "shared subscriptions");
  feature(limits.wildcards_available, "wildcards");
  feature(limits.subscription_ids_available, "subscription identifiers");
  feature(limits.retain_available, "retained messages");
  std::string text = "maximum qos " + qos(limits.maximum_qos);
  if (!has.empty()) text += "; has " + has;
  if (!lacks.empty()) text += "; lacks " + lacks;
  text += "; receive maximum " + std::to_string(limits.receive_maximum);
  text += "; topic alias maximum " + std::to_string(limits.topic_alias_maximum);
  text += "; maximum packet size " + (limits.maximum_packet_size >= protocol.maximum_packet_size
                                          ? "unlimited"
                                          : std::to_string(limits.maximum_packet_size) + " bytes");
  if (limits.server_keep_alive) {
    text += "; server keep alive " + std::to_string(limits.server_keep_alive->count()) + " s";
  }
  if (limits.session_expiry) {
    text += "; session expiry interval " + lifetime(*limits.session_expiry);
  }
  if (!limits.assigned_client_id.empty()) {
    text += "; client ID assigned " + base::quote(limits.assigned_client_id);
  }
  return text;
}

std::vector<std::string> contradictions(const core::BrokerLimits& limits, const Wanted& wanted) {
  std::vector<std::string> out;
  const std::string most = "the broker takes qos " + qos(limits.maximum_qos) + " at the most: ";
  if (wanted.qos > limits.maximum_qos) {
    out.push_back(most + "lower qos from " + qos(wanted.qos) + " to " + qos(limits.maximum_qos));
  }
  if (wanted.retain && !limits.retain_available) {
    out.emplace_back("the broker keeps no retained messages: set retain to false");
  }
  if (!wanted.consumer_group.empty() && !limits.shared_available) {
    out.emplace_back(
        "the broker has no shared subscriptions: consumerGroup cannot be used with it");
  }
  if (wanted.will && wanted.will->qos > limits.maximum_qos) {
    out.push_back(most + "lower willQos from " + qos(wanted.will->qos));
  }
  if (wanted.will && wanted.will->retain && !limits.retain_available) {
    out.emplace_back("the broker keeps no retained messages: set willRetain to false");
  }
  return out;
}

std::string shorter_session(const core::BrokerLimits& limits,
                            const core::ConnectionOptions& connection) {
  const seconds asked = connection.session_expiry.value_or(kAsLongAsCanBeAsked);
  if (!limits.session_expiry || *limits.session_expiry >= asked) return {};
  return "the broker keeps it for " + lifetime(*limits.session_expiry) +
         " (session expiry interval), " +
         (connection.session_expiry ? "not for the " + lifetime(asked) + " of sessionExpiryInterval"
                                    : "not for ever");
}

}  // namespace dapr_mqtt::inspect
