// Does with a broker, once and step by step, what an instance does all the time.
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
  std::string text;  ///< what was seen; when it failed, the likely cause and the remedy
  std::chrono::microseconds took{};
  bool depends_on_topic = false;  ///< it failed, and might not with another topic
  std::optional<Mqtt5> mqtt5{};   ///< of the step "mqtt 5"
};

/// Called in front of each step with its name, and after it.
struct Observer {
  std::function<void(const std::string& name)> begin;
  std::function<void(const Step& step)> end;
};

/// What of the Component's settings a broker may not have.
struct Wanted {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  std::string consumer_group;  ///< empty: none
  std::optional<core::Will> will;
};

struct BrokerCheckOptions {
  /// `client_id` is the check's own: a running component's would lose its
  /// connection, and its session the messages that wait in it. Its will is not
  /// used: a connection that a step breaks would publish it.
  core::ConnectionOptions connection;
  Wanted wanted;
  std::string topic;  ///< to send to and receive from
  std::chrono::milliseconds timeout{5000};  ///< for each step
};

/// Steps: "connect", "mqtt 5" (with MQTT 3.1.1: whether the broker speaks it too, on
/// a connection of its own), "subscribe", "qos 0", "qos 1", "qos 2", "size", "group"
/// if the Component has one, and "session" if it wants a persistent one. False: one
/// failed. Blocks. Leaves nothing at the broker.
bool check_broker(core::BrokerClientFactory& factory, base::Log log,
                  const BrokerCheckOptions& options, const Observer& observer);

}  // namespace dapr_mqtt::inspect
