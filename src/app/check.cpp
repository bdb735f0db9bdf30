#include "app/check.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "app/check_output.h"
#include "app/component_choice.h"
#include "app/print.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/credentials/credentials.h"
#include "dapr_mqtt/credentials/expiry_watch.h"
#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "dapr_mqtt/mqtt/self_test.h"
#include "dapr_mqtt/transport/dialer.h"

namespace dapr_mqtt::app {
namespace {

/// No log: the steps say more than the connection's log lines.
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

/// `others_follow`: after a failure, other addresses of the name are tried.
inspect::Step to_step(const transport::DialStep& step, bool others_follow) {
  if (!step.status.ok() && others_follow) {
    return {step.name, inspect::Outcome::kWarning,
            step.status.message() + "; the name has more addresses, the next one is tried",
            step.took};
  }
  if (!step.status.ok()) {
    return {step.name, inspect::Outcome::kFailed, step.status.message(), step.took};
  }
  if (!step.warning.empty()) {
    return {step.name, inspect::Outcome::kWarning, step.warning + "; " + step.seen, step.took};
  }
  return {step.name, inspect::Outcome::kPassed, step.seen, step.took};
}

/// Connects to an endpoint as a connection does, step by step, trying its addresses in turn.
bool can_connect(const core::Endpoint& endpoint, const core::ConnectionOptions& connection,
                 const CheckCommand& command, CheckOutput& output) {
  const std::string name = endpoint.str();
  const auto deadline = std::chrono::steady_clock::now() + command.timeout;
  const transport::Dialer* addresses = nullptr;
  bool others_follow = false;
  const transport::DialObserver observer{[&](const std::string& step) { output.begin(name, step); },
                                         [&](const transport::DialStep& step) {
                                           others_follow =
                                               !step.status.ok() && addresses->more() &&
                                               std::chrono::steady_clock::now() < deadline;
                                           output.end({name, to_step(step, others_follow)});
                                         }};
  transport::Resolver resolver;
  const transport::Cancel never;
  transport::Dialer dialer(endpoint, connection, resolver, never, observer);
  addresses = &dialer;
  for (;;) {
    if (dialer.next(deadline, transport::Dialer::Time::kLeaveHalf).stream) return true;
    if (!others_follow) return false;
  }
}

/// The options with the credentials from files, for the steps below MQTT. If the files cannot be
/// used: none, and a failed step.
std::optional<core::ConnectionOptions> with_files(const core::ConnectionOptions& connection,
                                                  CheckOutput& output) {
  if (!connection.files.any()) return connection;
  const std::string all = "all";
  const std::string name = "files";
  output.begin(all, name);
  const auto begin = std::chrono::steady_clock::now();
  const auto read = credentials::read_credentials(connection);
  inspect::Step step{name, inspect::Outcome::kPassed, "read: " + credentials::files_of(connection),
                     std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::steady_clock::now() - begin)};
  if (!read.ok()) {
    step.outcome = inspect::Outcome::kFailed;
    step.text = read.status().message();
    output.end({all, step});
    return std::nullopt;
  }
  credentials::ExpiryWatch expiries;
  for (const std::string& warning : expiries.due(read.value().expiries, read.value().token_issued,
                                                 base::SystemWallClock().now())) {
    step.outcome = inspect::Outcome::kWarning;
    step.text = warning + "; " + step.text;
  }
  output.end({all, step});
  core::ConnectionOptions out = connection;
  read.value().apply_to(out);
  return out;
}

/// The endpoints that can be reached. Each of the others has a failed step.
std::vector<core::Endpoint> reachable_endpoints(const core::ConnectionOptions& connection,
                                                const CheckCommand& command, CheckOutput& output) {
  std::vector<core::Endpoint> reached;
  for (const core::Endpoint& endpoint : connection.endpoints) {
    if (can_connect(endpoint, connection, command, output)) reached.push_back(endpoint);
  }
  return reached;
}

}  // namespace

int run(const CheckCommand& command) {
  if (base::Status status = mqtt::self_test(); !status.ok()) {
    fail(status);
    return kExitFailure;
  }
  auto settings = settings_of(command);
  if (!settings.ok()) {
    fail(settings.status());
    return kExitUsage;
  }
  const auto output = make_check_output(command.json);
  core::ConnectionOptions& options = settings.value().connection;
  const auto readable = with_files(options, *output);
  if (!readable) {
    output->finish();
    return kExitFailure;
  }
  const std::vector<core::Endpoint> reached = reachable_endpoints(*readable, command, *output);
  bool good = reached.size() == options.endpoints.size();

  std::signal(SIGPIPE, SIG_IGN);  // a broken connection raises it
  Silence silence;
  const auto factory = mqtt::make_paho_client_factory();
  const std::string suffix = random_suffix();
  options.client_id += "-check-" + suffix;
  options.connect_timeout = command.timeout;
  const inspect::Wanted wanted{settings.value().qos, settings.value().retain,
                               settings.value().consumer_group, options.will};
  inspect::BrokerCheckOptions check{options, wanted, command.topic, suffix, command.timeout};
  check.own_topic = check.topic.empty();
  if (check.own_topic) check.topic = "dapr-mqtt-check/" + suffix;
  for (const core::Endpoint& endpoint : reached) {
    check.connection.endpoints = {endpoint};
    const std::string name = endpoint.str();
    const inspect::Observer observer{[&](const std::string& step) { output->begin(name, step); },
                                     [&](inspect::Step step) {
                                       if (step.depends_on_topic && command.topic.empty()) {
                                         step.text +=
                                             "; name a topic that this user may use with --topic";
                                       }
                                       output->end({name, std::move(step)});
                                     }};
    good = inspect::check_broker(*factory, base::Log(silence), check, observer) && good;
  }
  output->finish();
  return good ? 0 : kExitFailure;
}

}  // namespace dapr_mqtt::app
