// A client that speaks to the socket as daprd does, to see a component work.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::dapr {

struct ProbeRequest {
  std::string socket_path;
  std::string component_name = "probe";  ///< sent as x-component-instance
  core::Metadata metadata;               ///< of the Component, for Init
  std::string topic;
  std::string payload;
  std::chrono::milliseconds timeout{10000};  ///< for all of it
};

struct ProbeReport {
  std::vector<std::string> services;  ///< as server reflection lists them
  std::vector<std::string> features;
  std::string received;               ///< the payload, as it came back
  std::string received_topic;
  core::Metadata received_metadata;
  std::size_t others = 0;  ///< messages of others on the topic, acknowledged on the way
  std::chrono::microseconds init{};        ///< Init alone
  std::chrono::microseconds round_trip{};  ///< from the publish to the message's return
};

/// Discovers the service as daprd does, then Init, Features, PullMessages,
/// Publish, and acknowledges what comes back. An error names the step that
/// failed and what to do; UNAVAILABLE when nobody serves the socket,
/// DEADLINE_EXCEEDED when the message did not come back in time. Blocks.
base::Result<ProbeReport> round_trip(const ProbeRequest& request);

}  // namespace dapr_mqtt::dapr
