// Tries each thing that an instance does with a broker, once and step by step.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::inspect {

enum class Outcome { kPassed, kWarning, kFailed };

/// Whether the broker speaks MQTT 5, and what it says of itself if it does.
struct Mqtt5 {
  bool offered = false;
  core::BrokerLimits limits;
};

struct Step {
  std::string name;
  Outcome outcome = Outcome::kPassed;
  std::string text;  ///< what was seen; when it failed, the likely cause and what to do
  std::chrono::microseconds took{};
  bool depends_on_topic = false;  ///< it failed, but might not with another topic
  std::optional<Mqtt5> mqtt5{};   ///< result of the step "mqtt 5"
};

/// Called before and after each step.
struct Observer {
  std::function<void(const std::string& name)> begin;
  std::function<void(const Step& step)> end;
};

/// The Component's settings that a broker may not support.
struct Wanted {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  std::string consumer_group;  ///< empty: none
  std::optional<core::Will> will;
};

struct BrokerCheckOptions {
  /// `client_id` must be the check's own: with that of a running component, the
  /// component would lose its connection, and the messages that wait in its
  /// session. The will is not used: the broker would publish it if a step breaks
  /// the connection.
  core::ConnectionOptions connection;
  Wanted wanted;
  std::string topic;   ///< to send to and receive from
  std::string suffix;  ///< unique, and may be part of a topic: for treats_share_as_topic()
  std::chrono::milliseconds timeout{5000};  ///< for each step
  bool own_topic = false;                   ///< nobody else uses `topic`
};

/// Steps: "connect", "mqtt 5" (with MQTT 3.1.1: whether the broker speaks it too, on
/// a connection of its own), "subscribe", "qos 0", "qos 1", "qos 2", "size", "retained",
/// "group" if the Component has a consumer group, and "session" if it wants a persistent
/// session. False: a step failed. Blocks. Leaves nothing at the broker,
/// and removes nothing there.
bool check_broker(core::BrokerClientFactory& factory, base::Log log,
                  const BrokerCheckOptions& options, const Observer& observer);

}  // namespace dapr_mqtt::inspect
