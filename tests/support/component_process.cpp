#include "support/component_process.h"

#include <csignal>
#include <stdexcept>

namespace dapr_mqtt::testing {

std::string ComponentProcess::executable() { return COMPONENT_EXECUTABLE; }

ComponentProcess::ComponentProcess(const ComponentOptions& options) {
  if (!options.socket_folder) own_folder_ = std::make_unique<TemporaryFolder>();
  const std::string folder = options.socket_folder ? *options.socket_folder : own_folder_->path();
  std::vector<std::string> argv{options.executable.value_or(executable()), "serve",
                                "--socket-folder", folder};
  std::string name = "mqtt";
  bool has_level = false;
  bool has_state_dir = options.environment.contains("DAPR_PUBSUB_MQTT_STATE_DIR");
  for (std::size_t i = 0; i < options.arguments.size(); ++i) {
    const std::string& argument = options.arguments[i];
    if (argument == "--name" && i + 1 < options.arguments.size()) name = options.arguments[i + 1];
    has_state_dir |= argument.starts_with("--state-dir");
    has_level |= argument.starts_with("--log-level");
    argv.push_back(argument);
  }
  if (!has_level) argv.insert(argv.end(), {"--log-level", "debug"});
  // Never the machine's own; the same for those that share the socket's folder.
  if (!has_state_dir) argv.insert(argv.end(), {"--state-dir", folder + "/state"});
  socket_ = folder + "/" + name + ".sock";
  process_ = std::make_unique<ChildProcess>(std::move(argv), options.environment);
  if (!process_->wait_for_output("serving ")) {
    throw std::runtime_error("the component does not serve:\n" + process_->output());
  }
}

std::optional<int> ComponentProcess::terminate(std::chrono::milliseconds within) {
  process_->signal(SIGTERM);
  return process_->wait_for_end(within);
}

void ComponentProcess::kill() {
  process_->signal(SIGKILL);
  process_->wait_for_end();
}

}  // namespace dapr_mqtt::testing
