// The real executable, serving on a socket in a folder of its own.
#pragma once

#include <memory>
#include <optional>

#include "support/child_process.h"

namespace dapr_mqtt::testing {

struct ComponentOptions {
  /// Arguments after --socket-folder. "--log-level debug" is added unless they set it.
  std::vector<std::string> arguments{};
  std::map<std::string, std::string> environment{};
  /// Set it to share or prepare a folder; by default each process has a new one.
  std::optional<std::string> socket_folder{};
  /// An executable other than the component's own.
  std::optional<std::string> executable{};
};

/// Starts the executable and returns once it serves; throws std::runtime_error
/// with its output when it does not. Killed with the object.
class ComponentProcess {
 public:
  explicit ComponentProcess(const ComponentOptions& options = {});

  const std::string& socket() const { return socket_; }
  /// For gRPC: "unix:<socket>".
  std::string address() const { return "unix:" + socket_; }
  ChildProcess& process() { return *process_; }
  const ChildProcess& process() const { return *process_; }

  /// Sends SIGTERM, waits for the end and returns the exit code.
  std::optional<int> terminate(std::chrono::milliseconds within = std::chrono::seconds(45));
  void kill();  ///< SIGKILL, and waits

  /// The executable, for tests that want it to fail.
  static std::string executable();

 private:
  std::unique_ptr<TemporaryFolder> own_folder_;
  std::string socket_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace dapr_mqtt::testing
