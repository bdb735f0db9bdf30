// What the steps of one check have in common, and those steps that have files of
// their own.
#pragma once

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

  /// For one more connection: with a client ID of its own, and without the will.
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
/// It might do better with another topic.
inline void fail_with_topic(Step& step, std::string text) {
  fail(step, std::move(text));
  step.depends_on_topic = true;
}

/// Whether a message comes to the Component's consumer group.
void check_group(const CheckContext& context, PublisherLink& publisher, Step& step);
/// Whether what comes while a persistent session's client is away is there
/// afterwards. With a session of its own, which it removes.
void check_session(const CheckContext& context, PublisherLink& publisher, Step& step);

}  // namespace dapr_mqtt::inspect
