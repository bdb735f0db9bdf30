// What the steps of one check have in common, and the steps that are in files of
// their own.
#pragma once

#include <optional>
#include <string>

#include "dapr_mqtt/inspect/broker_check.h"
#include "inspect/link.h"

namespace dapr_mqtt::inspect {

struct CheckContext {
  core::BrokerClientFactory& factory;
  base::Log log;
  const BrokerCheckOptions& options;
  core::TopicName topic;
  core::TopicFilter filter;

  /// Options for one more connection: with a client ID of its own, and without the will.
  core::ConnectionOptions connection(const std::string& suffix) const {
    core::ConnectionOptions out = options.connection;
    out.client_id += suffix;
    out.will.reset();
    return out;
  }
  core::ConnectionOptions clean_connection(const std::string& suffix) const {
    core::ConnectionOptions out = connection(suffix);
    out.clean_session = true;
    return out;
  }
  core::OutgoingMessage message(const std::string& payload, core::QoS qos) const {
    return {topic, payload, qos, false, nullptr};
  }
  std::string payload(const std::string& what) const {
    return "dapr-pubsub-mqtt check " + options.connection.client_id + " " + what;
  }
};

inline void fail(Step& step, std::string text) {
  step.outcome = Outcome::kFailed;
  step.text = std::move(text);
}
/// The step might pass with another topic.
inline void fail_with_topic(Step& step, std::string text) {
  fail(step, std::move(text));
  step.depends_on_topic = true;
}

/// Whether a retained message comes to a later subscriber, also with a wildcard. Uses
/// connections of its own; removes the message afterwards, and does nothing if the topic has a
/// retained message already. Fails only if the Component has `retain`.
void check_retained(const CheckContext& context, const std::optional<core::BrokerLimits>& limits,
                    Step& step);
/// Whether a message comes to a consumer group. Uses a group of its own; the Component's only with
/// the check's own topic, if the broker refuses the other.
void check_group(const CheckContext& context, PublisherLink& publisher, Step& step);
/// Whether a persistent session gets the messages that were published while its
/// client was away. Uses a session of its own, and removes it.
void check_session(const CheckContext& context, PublisherLink& publisher, Step& step);

}  // namespace dapr_mqtt::inspect
