// The way to a broker below MQTT, one step at a time, for people who look for the
// one that fails.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::mqtt {

struct ReachStep {
  std::string name;     ///< "name", "tcp" or "tls"
  base::Status status;  ///< with likely cause and remedy
  std::string seen;     ///< what there is to tell when it went well
  std::string warning;  ///< well, and yet: a certificate that expires soon
  std::chrono::microseconds took{};
};

/// Called in front of each step with its name, and after it with what came of it.
struct ReachObserver {
  std::function<void(const std::string& name)> begin;
  std::function<void(const ReachStep& step)> end;
};

/// Looks the name up, connects, and shakes hands if the endpoint uses TLS, with
/// what the real connection verifies with; sends no MQTT. False: a step failed,
/// and there are no more. Blocks, `timeout` for each step at the most.
bool reach(const core::Endpoint& endpoint, const core::TlsMaterial& tls,
           std::chrono::milliseconds timeout, const ReachObserver& observer);

}  // namespace dapr_mqtt::mqtt
