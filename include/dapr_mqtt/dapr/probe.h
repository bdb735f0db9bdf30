// A client that talks to the socket as daprd does, to check that a component works.
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

struct PingAnswer {
  std::string version;  ///< the component's version; empty for another implementation
  /// When a daprd has missed the component's restart: why messages do not flow; otherwise empty.
  std::string missed_restart;
};

/// One connection to a component, with the name of one Component. To be used by one thread. All
/// calls block until the answer or the deadline, and errors name the step that failed. The
/// destructor ends the connection and with it the instance.
class ProbeClient {
 public:
  using Deadline = std::optional<std::chrono::system_clock::time_point>;

  /// Connects, and discovers the service as daprd does. UNAVAILABLE when no process serves the
  /// socket, FAILED_PRECONDITION when that process is not a pub/sub component.
  static base::Result<std::unique_ptr<ProbeClient>> connect(const std::string& socket_path,
                                                            std::string component_name,
                                                            Deadline deadline);
  virtual ~ProbeClient() = default;

  /// The services that server reflection lists.
  virtual const std::vector<std::string>& services() const = 0;

  virtual base::Result<PingAnswer> ping() = 0;
  virtual base::Status init(const core::Metadata& metadata) = 0;
  /// The features, without the mark that our Init adds (Server::mark_prefix).
  virtual base::Result<std::vector<std::string>> features() = 0;
  virtual base::Status publish(const std::string& topic, const std::string& data,
                               const core::Metadata& metadata) = 0;
  /// Hands messages over and acknowledges them until `on_message` returns false. `opened` runs
  /// once, after the request was sent to the component. With `failure`, each message is answered
  /// with that error, as if the app had failed.
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
  std::size_t count = 1;                     ///< round trips, one after the other
  std::chrono::milliseconds timeout{10000};  ///< for all steps together
};

struct ProbeReport {
  std::vector<std::string> services;  ///< that server reflection lists
  std::vector<std::string> features;
  std::string received;  ///< the payload that came back
  std::string received_topic;
  core::Metadata received_metadata;
  std::size_t others = 0;            ///< messages of other publishers that were acknowledged too
  std::chrono::microseconds init{};  ///< how long Init took
  /// From each publish to the message's return.
  std::vector<std::chrono::microseconds> round_trips;
};

/// Discovers the service as daprd does, calls Init, Features, PullMessages and Publish, and
/// acknowledges what comes back. An error names the step that failed and what to do; UNAVAILABLE
/// when no process serves the socket, DEADLINE_EXCEEDED when the message did not come back in time.
/// Blocks.
base::Result<ProbeReport> round_trip(const ProbeRequest& request);

}  // namespace dapr_mqtt::dapr
