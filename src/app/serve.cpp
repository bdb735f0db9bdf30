#include "app/serve.h"

#include <csignal>
#include <utility>

#include "app/healing.h"
#include "app/monitor.h"
#include "app/service_manager.h"
#include "app/state_dir.h"
#include "app/stop_signals.h"
#include "app/version.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/dapr/server.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "dapr_mqtt/mqtt/self_test.h"
#include "dapr_mqtt/observability/dapr_logger.h"
#include "dapr_mqtt/observability/memory.h"

namespace dapr_mqtt::app {

namespace {

dapr::MemoryOptions memory_options(const ServeCommand& command) {
  observability::MemoryLimit limit = observability::read_memory_limit();
  if (command.memory_limit && *command.memory_limit < limit.bytes)
    limit = {*command.memory_limit, "--memory-limit"};
  return {limit.bytes, limit.source, observability::resident_memory,
          observability::return_free_memory};
}

}  // namespace

int serve(const ServeCommand& command, StopSignals& signals, instance::FactoryOptions instances) {
  // A limit on the size of files (ulimit -f) must count as a full disk, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  observability::return_large_blocks();
  // Objects made later use the earlier ones, and are destroyed first.
  observability::DaprLogger logger(command.log);
  const base::Log log(logger);
  if (base::Status status = mqtt::self_test(); !status.ok()) {
    logger.fatal("cannot serve: " + status.message());
    return kExitFailure;
  }
  const auto broker = mqtt::make_paho_client_factory();
  instances.state_dir = pick_state_dir(command.state_dirs);
  instances.return_free_memory = observability::return_free_memory;
  instances.sending_thread = &mqtt::sending_thread();
  const auto factory = instance::make_instance_factory(*broker, logger, std::move(instances));

  std::unique_ptr<observability::HttpEndpoint> http;
  if (command.metrics) {
    auto listening = observability::HttpEndpoint::listen(*command.metrics);
    if (!listening.ok()) {
      logger.fatal("cannot serve metrics: " + listening.status().message());
      return kExitFailure;
    }
    http = std::move(listening).value();
  }

  dapr::ServerOptions options;
  options.socket_path = command.socket;
  options.version = version();
  options.socket_mode = command.socket_mode;
  options.allowed_uids = command.allowed_uids;
  options.allow_any_uid = command.allow_any_uid;
  options.memory = memory_options(command);
  Healing healing(command, log);
  options.on_missed_init = [&healing] { healing.look_soon(); };
  auto server = dapr::Server::start(std::move(options), *factory, logger);
  if (!server.ok()) {
    logger.fatal("cannot serve: " + server.status().message());
    return kExitFailure;
  }

  Monitor monitor(*server.value());
  if (http) {
    http->serve(monitor.pages());
    log.info("metrics and health on http://" + command.metrics->host + ":" +
             std::to_string(http->port()) + "/metrics, /healthz and /readyz");
  }

  healing.start(*server.value());
  notify_service_manager(command.notify_socket, "READY=1\nSTATUS=serving on " + command.socket);

  const int signal = signals.wait();
  notify_service_manager(command.notify_socket, "STOPPING=1\nSTATUS=stopping");
  monitor.stopping();
  healing.stop();
  log.info(std::string(signal == SIGTERM ? "SIGTERM" : "SIGINT") +
           ": stopping; messages in flight have up to " +
           std::to_string(command.drain_timeout.count()) +
           " ms, and a second signal ends the process at once");
  server.value()->stop(std::chrono::steady_clock::now() + command.drain_timeout);
  http.reset();
  log.info("stopped");
  return 0;
}

int run(const ServeCommand& command) {
  StopSignals signals;
  return serve(command, signals);
}

}  // namespace dapr_mqtt::app
