// The real executable, serving on a socket in a folder of its own.
#pragma once

#include <memory>
#include <optional>

#include "support/child_process.h"

namespace dapr_mqtt::testing {

struct ComponentOptions {
  /// After --socket-folder. "--log-level debug" is there unless told otherwise.
  std::vector<std::string> arguments{};
  std::map<std::string, std::string> environment{};
  /// To share or prepare a folder; otherwise a new one for each process.
  std::optional<std::string> socket_folder{};
  /// Another one than the component's own.
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

  /// SIGTERM, and waits for the end: the exit code.
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
