#include "app/check.h"

#include <csignal>
#include <utility>

#include "app/check_output.h"
#include "app/component_choice.h"
#include "app/print.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "dapr_mqtt/mqtt/reach.h"

namespace dapr_mqtt::app {
namespace {

/// The steps tell more than the connection's own lines.
class Silence final : public base::Logger {
 public:
  bool enabled(base::LogLevel /*level*/) const override { return false; }
  void write(base::LogLevel /*level*/, std::string_view /*instance*/,
             std::string_view /*message*/) override {}
};

base::Result<config::ComponentSettings> settings_of(const CheckCommand& command) {
  if (command.target.find("://") != std::string::npos) {
    return config::parse_component_metadata({{"url", command.target}, {"consumerID", "dapr-mqtt"}});
  }
  auto component = choose_component(command.target, command.component);
  if (!component.ok()) return component.status();
  return std::move(component.value().settings);
}

inspect::Step to_step(const mqtt::ReachStep& step) {
  if (!step.status.ok()) {
    return {step.name, inspect::Outcome::kFailed, step.status.message(), step.took};
  }
  if (!step.warning.empty()) {
    return {step.name, inspect::Outcome::kWarning, step.warning + "; " + step.seen, step.took};
  }
  return {step.name, inspect::Outcome::kPassed, step.seen, step.took};
}

/// The endpoints that can be reached. Those that cannot are a failed step each.
std::vector<core::Endpoint> reach_all(const core::ConnectionOptions& connection,
                                      const CheckCommand& command, CheckOutput& output) {
  std::vector<core::Endpoint> reached;
  for (const core::Endpoint& endpoint : connection.endpoints) {
    const std::string name = endpoint.str();
    const mqtt::ReachObserver observer{
        [&](const std::string& step) { output.begin(name, step); },
        [&](const mqtt::ReachStep& step) { output.end({name, to_step(step)}); }};
    if (mqtt::reach(endpoint, connection.tls, command.timeout, observer)) reached.push_back(endpoint);
  }
  return reached;
}

}  // namespace

int run(const CheckCommand& command) {
  auto settings = settings_of(command);
  if (!settings.ok()) {
    fail(settings.status());
    return kExitUsage;
  }
  const auto output = make_check_output(command.json);
  core::ConnectionOptions& options = settings.value().connection;
  const std::vector<core::Endpoint> reached = reach_all(options, command, *output);
  bool good = reached.size() == options.endpoints.size();

  std::signal(SIGPIPE, SIG_IGN);  // of a connection that broke
  Silence silence;
  const auto factory = mqtt::make_paho_client_factory();
  const std::string suffix = random_suffix();
  options.client_id += "-check-" + suffix;
  options.connect_timeout = command.timeout;
  const inspect::Wanted wanted{settings.value().qos, settings.value().retain,
                               settings.value().consumer_group, options.will};
  inspect::BrokerCheckOptions check{options, wanted, command.topic, command.timeout};
  if (check.topic.empty()) check.topic = "dapr-mqtt-check/" + suffix;
  for (const core::Endpoint& endpoint : reached) {
    check.connection.endpoints = {endpoint};
    const std::string name = endpoint.str();
    const inspect::Observer observer{
        [&](const std::string& step) { output->begin(name, step); },
        [&](inspect::Step step) {
          if (step.depends_on_topic && command.topic.empty()) {
            step.text += "; a topic that this user may use can be named with --topic";
          }
          output->end({name, std::move(step)});
        }};
    good = inspect::check_broker(*factory, base::Log(silence), check, observer) && good;
  }
  output->finish();
  return good ? 0 : kExitFailure;
}

}  // namespace dapr_mqtt::app
