// A client that speaks to the socket as daprd does, to see a component work.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::dapr {

/// A message that a component handed over.
struct PulledMessage {
  std::string topic;
  std::string data;
  core::Metadata metadata;
};

/// One connection to a component, under the name of one Component. To be used by
/// one thread. All calls block until the answer or the deadline, and errors name
/// the step that failed. The destructor ends the connection, and so the instance.
class ProbeClient {
 public:
  using Deadline = std::optional<std::chrono::system_clock::time_point>;

  /// Connects, and discovers the service as daprd does. UNAVAILABLE when nobody
  /// serves the socket, FAILED_PRECONDITION when it is no pub/sub component.
  static base::Result<std::unique_ptr<ProbeClient>> connect(const std::string& socket_path,
                                                            std::string component_name,
                                                            Deadline deadline);
  virtual ~ProbeClient() = default;

  /// As server reflection lists them.
  virtual const std::vector<std::string>& services() const = 0;

  /// The component's version; empty when it is not ours.
  virtual base::Result<std::string> ping() = 0;
  virtual base::Status init(const core::Metadata& metadata) = 0;
  virtual base::Result<std::vector<std::string>> features() = 0;
  virtual base::Status publish(const std::string& topic, const std::string& data,
                               const core::Metadata& metadata) = 0;
  /// Hands over and acknowledges messages until `on_message` says false. `opened`
  /// runs once, when the component has been asked. With `failure` each is answered
  /// with that error, as of an app that fails.
  virtual base::Status pull(const std::string& filter, const core::Metadata& metadata,
                            const std::function<base::Status()>& opened,
                            const std::function<bool(PulledMessage)>& on_message,
                            const std::optional<std::string>& failure = std::nullopt) = 0;
};

struct ProbeRequest {
  std::string socket_path;
  std::string component_name = "probe";  ///< sent as x-component-instance
  core::Metadata metadata;               ///< of the Component, for Init
  std::string topic;
  std::string payload;
  std::size_t count = 1;  ///< so many times, the next when one is back
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
  /// From each publish to the message's return.
  std::vector<std::chrono::microseconds> round_trips;
};

/// Discovers the service as daprd does, then Init, Features, PullMessages,
/// Publish, and acknowledges what comes back. An error names the step that
/// failed and what to do; UNAVAILABLE when nobody serves the socket,
/// DEADLINE_EXCEEDED when the message did not come back in time. Blocks.
base::Result<ProbeReport> round_trip(const ProbeRequest& request);

}  // namespace dapr_mqtt::dapr
