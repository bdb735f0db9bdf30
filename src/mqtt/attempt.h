#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/core/connection_options.h"
#include "mqtt/diagnose.h"
#include "mqtt/paho_client.h"
#include "mqtt/paho_shims.h"
#include "mqtt/resolver.h"
#include "mqtt/tls_files.h"

namespace dapr_mqtt::mqtt {

/// One attempt to connect, over all endpoints and the addresses of each, in turn,
/// within ConnectionOptions::connect_timeout. A failed address is asked why
/// (diagnose), for which a part of the time is kept back.
///
/// Single-threaded: made, used and destroyed on the worker's thread. The
/// destructor abandons what is under way; `done` is not called after it. What is
/// referred to outlives it.
class Attempt {
 public:
  struct Made {
    std::shared_ptr<PahoClient> client;
    bool session_present = false;
    core::Endpoint endpoint;
    std::chrono::seconds keep_alive{};  ///< ours, or what the broker has said instead
  };
  /// An error names each endpoint and its cause.
  using Done = std::function<void(base::Result<Made>)>;
  /// `lost` of PahoClient::Events, for the client that is made. On Paho's threads.
  using Lost = std::function<void(const PahoClient* client, const base::Status& reason)>;

  struct Context {
    const core::ConnectionOptions& options;
    const TlsFiles& files;
    bool clean_session;
    std::chrono::seconds keep_alive;     ///< what to ask for first
    core::MessageSink* sink;             ///< null: none
    ::mqtt::iclient_persistence* store;  ///< null: none
    Resolver& resolver;
    std::shared_ptr<base::Executor> worker;
  };

  /// Begins at once; `done` runs in a later task.
  Attempt(Context context, Lost lost, Done done);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

 private:
  /// Posts `task` to the worker, to run only while this attempt lives and the step
  /// that is under way now has not been left.
  std::function<void()> in_this_step(std::function<void()> task);
  void post(std::function<void()> task);
  void begin_step(base::TimePoint until, std::function<void()> on_timeout);
  void end_step();

  void next_endpoint();
  void resolve();
  void next_address();
  void connect(const std::string& address);
  void connected(bool session_present);
  void connect_failed(const base::Status& refusal);
  void address_failed(AttemptEnd end);
  void note(Diagnosis diagnosis);
  void give_up();
  void finish(base::Result<Made> result);
  const core::Endpoint& endpoint() const { return context_.options.endpoints[endpoint_index_]; }

  const Context context_;
  const Lost lost_;
  const Done done_;
  const shims::Hurry hurry_;

  base::TimePoint paho_deadline_;  ///< the last moment for Paho; then diagnosis only
  base::TimePoint deadline_;

  std::size_t endpoint_index_ = 0;
  base::TimePoint endpoint_deadline_{};
  std::vector<std::string> addresses_;
  std::size_t address_index_ = 0;
  std::optional<Diagnosis> endpoint_cause_;
  std::vector<Diagnosis> causes_;  ///< one for each endpoint tried

  std::chrono::seconds keep_alive_;
  std::shared_ptr<PahoClient> client_;
  std::optional<shims::PinnedAddress> pin_;
  Resolver::Ticket ticket_ = 0;
  base::Executor::TimerId timer_ = 0;
  /// The step under way; tasks hold it weakly.
  std::shared_ptr<int> step_;
};

}  // namespace dapr_mqtt::mqtt
