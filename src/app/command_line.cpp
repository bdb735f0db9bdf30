#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <limits>

#include "app/version.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/dapr/socket_path.h"

namespace dapr_mqtt::app {
namespace {

constexpr const char* kEnvironmentHelp =
    "Environment, where the option is absent:\n"
    "  DAPR_COMPONENT_SOCKETS_FOLDER (Dapr's injector sets it in Kubernetes), else\n"
    "  DAPR_COMPONENTS_SOCKETS_FOLDER (daprd reads it): --socket-folder\n"
    "  DAPR_PUBSUB_MQTT_STATE_DIR, else STATE_DIRECTORY (systemd): --state-dir; else\n"
    "  /var/lib/dapr-pubsub-mqtt, or the same in XDG_STATE_HOME or ~/.local/state\n"
    "  DAPR_LOG_LEVEL, DAPR_LOG_AS_JSON, APP_ID: --log-level, --log-as-json, --app-id\n"
    "Exit status: 0 stopped by SIGTERM or SIGINT, 1 cannot serve, 2 wrong usage.";

/// A value that was refused: ends the parsing with a usage error.
[[noreturn]] void refuse(const std::string& what, const std::string& value,
                         const std::string& allowed) {
  throw CLI::ValidationError(what, base::quote(value) + " is not allowed; " + allowed);
}

struct Arguments {
  std::optional<std::string> socket_folder;
  std::optional<std::string> name;
  std::string socket_mode = "0600";
  std::vector<std::string> allow_uids;
  bool allow_any_uid = false;
  std::string drain_timeout = "5s";
  std::string state_dir;
  std::string log_level;
  bool log_as_json = false;
  std::string app_id;

  std::string probe_socket;
  std::string probe_url;
  std::string probe_topic;
  std::string probe_timeout = "10s";
};

std::string socket_of(const Arguments& arguments, const Environment& environment) {
  const auto path = dapr::socket_path({arguments.socket_folder,
                                       environment("DAPR_COMPONENT_SOCKETS_FOLDER"),
                                       environment("DAPR_COMPONENTS_SOCKETS_FOLDER"),
                                       arguments.name});
  if (!path.ok()) throw CLI::ValidationError(path.status().message());
  return path.value();
}

mode_t mode_of(const Arguments& arguments) {
  const std::string& text = arguments.socket_mode;
  constexpr std::size_t kMaxDigits = 4;  // 0777
  if (text.empty() || text.size() > kMaxDigits ||
      text.find_first_not_of("01234567") != std::string::npos ||
      std::stoul(text, nullptr, 8) > 0777) {
    refuse("--socket-mode", text, "use an octal number from 0 to 0777, such as 0660");
  }
  return static_cast<mode_t>(std::stoul(text, nullptr, 8));
}

uid_t uid_of(const std::string& text) {
  const auto number = base::parse_integer(text);
  // The highest uid_t means "no user" to the kernel.
  if (!number || *number < 0 || *number >= std::int64_t{std::numeric_limits<uid_t>::max()}) {
    refuse("--allow-uid", text, "use the number of a user (id -u <name>)");
  }
  return static_cast<uid_t>(*number);
}

std::chrono::milliseconds duration_of(const std::string& option, const std::string& text) {
  constexpr std::chrono::minutes kLongest{10};
  const auto duration = base::parse_duration(text);
  if (!duration || duration->count() < 0 || *duration > kLongest) {
    refuse(option, text, "use a duration from 0 to 10m, such as 5s or 500ms");
  }
  return *duration;
}

observability::LogOptions log_of(const Arguments& arguments, const Environment& environment) {
  observability::LogOptions log;
  log.version = version();
  log.app_id = arguments.app_id.empty() ? environment("APP_ID").value_or("") : arguments.app_id;

  const bool level_given = !arguments.log_level.empty();
  const std::string level =
      level_given ? arguments.log_level : environment("DAPR_LOG_LEVEL").value_or("info");
  const auto threshold = observability::parse_log_threshold(level);
  if (!threshold) {
    refuse(level_given ? "--log-level" : "DAPR_LOG_LEVEL", level,
           "use debug, info, warn, error or fatal");
  }
  log.threshold = *threshold;

  bool json = arguments.log_as_json;
  if (const auto variable = environment("DAPR_LOG_AS_JSON"); variable && !json) {
    const auto value = base::parse_bool(*variable);
    if (!value) refuse("DAPR_LOG_AS_JSON", *variable, "use " + std::string(base::bool_values()));
    json = *value;
  }
  log.format = json ? observability::LogFormat::kJson : observability::LogFormat::kText;
  return log;
}

std::vector<std::string> state_dirs_of(const Arguments& arguments,
                                       const Environment& environment) {
  const std::string own = "/dapr-pubsub-mqtt";
  if (!arguments.state_dir.empty()) return {arguments.state_dir};
  if (const auto named = environment("DAPR_PUBSUB_MQTT_STATE_DIR")) return {*named};
  // systemd's StateDirectory=, several separated by colons.
  if (const auto given = environment("STATE_DIRECTORY")) return {given->substr(0, given->find(':'))};
  std::vector<std::string> dirs{"/var/lib" + own};
  if (const auto xdg = environment("XDG_STATE_HOME"); xdg && xdg->front() == '/') {
    dirs.push_back(*xdg + own);
  } else if (const auto home = environment("HOME")) {
    dirs.push_back(*home + "/.local/state" + own);
  }
  return dirs;
}

ServeCommand serve_command(const Arguments& arguments, const Environment& environment) {
  ServeCommand command;
  command.socket = socket_of(arguments, environment);
  command.socket_mode = mode_of(arguments);
  for (const std::string& uid : arguments.allow_uids) command.allowed_uids.push_back(uid_of(uid));
  command.allow_any_uid = arguments.allow_any_uid;
  command.state_dirs = state_dirs_of(arguments, environment);
  command.drain_timeout = duration_of("--drain-timeout", arguments.drain_timeout);
  command.log = log_of(arguments, environment);
  return command;
}

ProbeRoundTripCommand probe_command(const Arguments& arguments, const Environment& environment) {
  ProbeRoundTripCommand command;
  command.socket = arguments.probe_socket.empty() ? socket_of(arguments, environment)
                                                  : arguments.probe_socket;
  command.url = arguments.probe_url;
  command.topic = arguments.probe_topic;
  command.timeout = duration_of("--timeout", arguments.probe_timeout);
  return command;
}

void add_serve_options(CLI::App& app, Arguments& a) {
  app.add_option("--socket-folder", a.socket_folder, "Where daprd looks for sockets")
      ->type_name("DIR");
  app.add_option("--name", a.name, "Serves as pubsub.NAME on DIR/NAME.sock (default mqtt)")
      ->type_name("NAME");
  app.add_option("--socket-mode", a.socket_mode, "Permissions of the socket (default 0600)")
      ->type_name("OCTAL");
  app.add_option("--allow-uid", a.allow_uids, "Accept this user too, besides ours and root")
      ->type_name("UID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--allow-any-uid", a.allow_any_uid, "Accept every user that the mode lets in");
  app.add_option("--state-dir", a.state_dir,
                 "Keeps what persistent sessions have not handled")
      ->type_name("DIR");
  app.add_option("--drain-timeout", a.drain_timeout, "Time for what is in flight (default 5s)")
      ->type_name("TIME");
  app.add_option("--log-level", a.log_level, "debug, info (default), warn, error or fatal")
      ->type_name("LEVEL");
  app.add_flag("--log-as-json", a.log_as_json, "Log in JSON, one object a line");
  app.add_option("--app-id", a.app_id, "app_id in the log")->type_name("ID");
}

struct Probe {
  CLI::App* probe;
  CLI::App* round_trip;
};

Probe add_probe(CLI::App& app, Arguments& a) {
  CLI::App* probe = app.add_subcommand("probe", "Checks from outside, over the socket");
  probe->require_subcommand(0, 1);  // the error for none is ours
  CLI::App* round_trip = probe->add_subcommand(
      "round-trip", "Sends a message through the component and the broker and back");
  round_trip->add_option("--socket", a.probe_socket, "The component's socket (default: as serve)")
      ->type_name("FILE");
  round_trip->add_option("--url", a.probe_url, "The broker, e.g. tcp://localhost:1883")
      ->type_name("URL")
      ->required();
  round_trip->add_option("--topic", a.probe_topic, "Default: one of its own")->type_name("TOPIC");
  round_trip->add_option("--timeout", a.probe_timeout, "Default: 10s")->type_name("TIME");
  return {probe, round_trip};
}

Command parse(int argc, const char* const* argv, const Environment& environment) {
  Arguments arguments;
  CLI::App app("Dapr pub/sub component pubsub.mqtt: serves daprd on a Unix socket.",
               "dapr-pubsub-mqtt");
  app.get_formatter()->column_width(26);
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", "dapr-pubsub-mqtt " + version_with_commit(),
                       "Print version and commit");
  add_serve_options(app, arguments);
  // Options after `serve` are the program's, --help too.
  CLI::App* serve = app.add_subcommand("serve", "The default: serves until SIGTERM or SIGINT");
  serve->fallthrough()->set_help_flag();
  const Probe probe = add_probe(app, arguments);
  app.footer(kEnvironmentHelp);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    if (probe.round_trip->parsed()) return probe_command(arguments, environment);
    if (probe.probe->parsed()) throw CLI::ValidationError("probe", "say which: round-trip");
    return serve_command(arguments, environment);
  } catch (const CLI::CallForVersion& version) {
    return PrintCommand{std::string(version.what()) + "\n"};
  } catch (const CLI::Success&) {  // --help
    if (probe.probe->parsed()) return PrintCommand{app.help()};
    return PrintCommand{
        app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal)};
  } catch (const CLI::ParseError& error) {
    return PrintCommand{std::string("dapr-pubsub-mqtt: ") + error.what() + "; see --help\n",
                        kExitUsage};
  }
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Command parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  try {
    return parse(argc, argv, environment);
  } catch (const std::exception& error) {
    return PrintCommand{std::string("dapr-pubsub-mqtt: ") + error.what() + "\n", kExitFailure};
  }
}

}  // namespace dapr_mqtt::app
