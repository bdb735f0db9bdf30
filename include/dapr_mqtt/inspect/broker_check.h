// Does with a broker, once and step by step, what an instance does all the time.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::inspect {

enum class Outcome { kPassed, kWarning, kFailed };

struct Step {
  std::string name;
  Outcome outcome = Outcome::kPassed;
  std::string text;  ///< what was seen; when it failed, the likely cause and the remedy
  std::chrono::microseconds took{};
};

/// Called in front of each step with its name, and after it.
struct Observer {
  std::function<void(const std::string& name)> begin;
  std::function<void(const Step& step)> end;
};

struct BrokerCheckOptions {
  /// `client_id` is the check's own: a running component's would lose its
  /// connection, and its session the messages that wait in it.
  core::ConnectionOptions connection;
  std::string topic;  ///< to send to and receive from
  std::chrono::milliseconds timeout{5000};  ///< for each step
};

/// Steps: "connect", "subscribe", "qos 0", "qos 1", "qos 2", "size", and "session"
/// if the options ask for a persistent one. False: one failed. Blocks. Leaves
/// nothing at the broker.
bool check_broker(core::BrokerClientFactory& factory, base::Log log,
                  const BrokerCheckOptions& options, const Observer& observer);

}  // namespace dapr_mqtt::inspect
