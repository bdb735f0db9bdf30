#include "app/command_values.h"

#include <limits>

#include "app/documents.h"
#include "app/version.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/dapr/socket_path.h"
#include "dapr_mqtt/subscribe/lane.h"

namespace dapr_mqtt::app {
namespace {

/// Reads options one after the other; status() has the first error.
class Values {
 public:
  Values(const Settings& settings, const Environment& environment)
      : settings_(settings), environment_(environment) {}

  const base::Status& status() const { return status_; }

  std::string text(std::string_view option, std::string_view otherwise = {}) const {
    return settings_.text(option, otherwise);
  }
  bool flag(std::string_view option) {
    const auto setting = settings_.find(option);
    if (!setting) return false;
    const auto value = base::parse_bool(setting->value);
    if (!value) refuse(*setting, "use " + std::string(base::bool_values()));
    return value.value_or(false);
  }
  std::optional<std::chrono::milliseconds> duration(std::string_view option) {
    constexpr std::chrono::minutes kLongest{10};
    const auto setting = settings_.find(option);
    if (!setting) return std::nullopt;
    const auto duration = base::parse_duration(setting->value);
    if (!duration || duration->count() < 0 || *duration > kLongest) {
      refuse(*setting, "use a duration from 0 to 10m, such as 5s or 500ms");
    }
    return duration;
  }
  std::string socket() {
    const auto setting = settings_.find("--name");
    const auto folder = settings_.find("--socket-folder");
    const auto path = dapr::socket_path({folder ? std::optional(folder->value) : std::nullopt,
                                         environment_("DAPR_COMPONENT_SOCKETS_FOLDER"),
                                         environment_("DAPR_COMPONENTS_SOCKETS_FOLDER"),
                                         setting ? std::optional(setting->value) : std::nullopt});
    if (!path.ok()) fail(path.status());
    return path.ok() ? path.value() : std::string();
  }
  mode_t socket_mode() {
    const Setting mode = settings_.find("--socket-mode").value_or(Setting{"0600", ""});
    constexpr std::size_t kMaxDigits = 4;  // 0777
    if (mode.value.empty() || mode.value.size() > kMaxDigits ||
        mode.value.find_first_not_of("01234567") != std::string::npos ||
        std::stoul(mode.value, nullptr, 8) > 0777) {
      refuse(mode, "use an octal number from 0 to 0777, such as 0660");
      return 0;
    }
    return static_cast<mode_t>(std::stoul(mode.value, nullptr, 8));
  }
  std::vector<uid_t> allowed_uids() {
    std::vector<uid_t> out;
    for (const Setting& uid : settings_.find_all("--allow-uid")) {
      const auto number = base::parse_integer(uid.value);
      // The highest uid_t means "no user" to the kernel.
      if (!number || *number < 0 || *number >= std::int64_t{std::numeric_limits<uid_t>::max()}) {
        refuse(uid, "use the number of a user (id -u <name>)");
      } else {
        out.push_back(static_cast<uid_t>(*number));
      }
    }
    return out;
  }
  observability::LogOptions log() {
    observability::LogOptions log;
    log.version = version();
    log.app_id = text("--app-id");
    const Setting level = settings_.find("--log-level").value_or(Setting{"info", ""});
    if (const auto threshold = observability::parse_log_threshold(level.value)) {
      log.threshold = *threshold;
    } else {
      refuse(level, "use debug, info, warn, error or fatal");
    }
    log.format =
        flag("--log-as-json") ? observability::LogFormat::kJson : observability::LogFormat::kText;
    return log;
  }
  sidecar::Remedy remedy() {
    const Setting remedy = settings_.find("--heal-daprd").value_or(Setting{"reload", ""});
    if (remedy.value == "shutdown") return sidecar::Remedy::kShutdown;
    if (remedy.value == "off") return sidecar::Remedy::kNone;
    if (remedy.value != "reload") refuse(remedy, "use reload, shutdown or off");
    return sidecar::Remedy::kReload;
  }
  /// If none is given: the port that the injector and `dapr run` set, or daprd's default.
  std::vector<sidecar::Address> daprd_addresses() {
    std::vector<Setting> all = settings_.find_all("--daprd-address");
    if (all.empty()) {
      all = {{environment_("DAPR_HTTP_PORT").value_or("3500"), "DAPR_HTTP_PORT"}};
    }
    std::vector<sidecar::Address> out;
    for (const Setting& setting : all) {
      const auto address = observability::parse_http_address(setting.value);
      if (!address || address->port == 0) {
        refuse(setting, "use a port (on 127.0.0.1) or host:port, such as 3500 or daprd:3500");
      } else {
        out.push_back({address->host, address->port});
      }
    }
    return out;
  }
  base::Secret daprd_token() const {
    return base::Secret(environment_("DAPR_API_TOKEN").value_or(""));
  }
  std::optional<observability::HttpAddress> metrics() {
    const auto setting = settings_.find("--metrics-address");
    if (!setting) return std::nullopt;
    auto address = observability::parse_http_address(setting->value);
    if (!address) {
      refuse(*setting, "use a port (on 127.0.0.1 only) or host:port, such as 9464 or 0.0.0.0:9464");
    }
    return address;
  }
  std::vector<std::string> state_dirs() const {
    const std::string own = "/dapr-pubsub-mqtt";
    if (const auto named = settings_.find("--state-dir")) {
      // systemd's StateDirectory=: may be several folders, separated by colons.
      if (named->source == "STATE_DIRECTORY") {
        return {named->value.substr(0, named->value.find(':'))};
      }
      return {named->value};
    }
    std::vector<std::string> dirs{"/var/lib" + own};
    if (const auto xdg = environment_("XDG_STATE_HOME"); xdg && xdg->front() == '/') {
      dirs.push_back(*xdg + own);
    } else if (const auto home = environment_("HOME")) {
      dirs.push_back(*home + "/.local/state" + own);
    }
    return dirs;
  }
  std::optional<std::size_t> memory_limit() {
    constexpr std::int64_t kLeast = std::int64_t{32} << 20U;  // the process itself needs as much
    const auto setting = settings_.find("--memory-limit");
    if (!setting) return std::nullopt;
    const auto bytes = base::parse_size(setting->value);
    if (!bytes || *bytes < kLeast) {
      refuse(*setting, "use a number of bytes from 32Mi up, such as 256Mi or 1Gi");
      return std::nullopt;
    }
    return static_cast<std::size_t>(*bytes);
  }
  /// Set by the service manager, never by the user.
  std::string notify_socket() const { return environment_("NOTIFY_SOCKET").value_or(""); }
  std::string qos() {
    const Setting qos = settings_.find("--qos").value_or(Setting{"1", ""});
    if (qos.value != "0" && qos.value != "1" && qos.value != "2") refuse(qos, "use 0, 1 or 2");
    return qos.value;
  }
  std::optional<std::size_t> lanes() {
    const auto setting = settings_.find("--lanes");
    if (!setting) return std::nullopt;
    const auto number = base::parse_integer(setting->value);
    const bool valid = number && *number >= 1 && *number <= subscribe::kMaxLanes;
    if (!valid) refuse(*setting, "use a number from 1 to 1000");
    return valid ? static_cast<std::size_t>(*number) : 1;
  }
  std::optional<std::size_t> count() {
    const auto setting = settings_.find("--count");
    if (!setting) return std::nullopt;
    const auto number = base::parse_integer(setting->value);
    if (!number || *number < 1) refuse(*setting, "use a number from 1 up");
    return static_cast<std::size_t>(number.value_or(1));
  }
  ProbeTarget target() {
    ProbeTarget target{text("--url"), text("--file"), text("--component")};
    if (target.url.empty() == target.file.empty()) {
      fail(base::invalid_argument("say which broker: either --url URL or --file FILE"));
    }
    return target;
  }
  std::string probe_socket() {
    const std::string given = text("--socket");
    return given.empty() ? socket() : given;
  }

 private:
  void fail(base::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  void refuse(const Setting& setting, const std::string& allowed) {
    fail(base::invalid_argument(setting.source + ": " + base::quote(setting.value) +
                                " is not allowed; " + allowed));
  }

  const Settings& settings_;
  const Environment& environment_;
  base::Status status_;
};

Command serve_command(Values& values) {
  ServeCommand command;
  command.socket = values.socket();
  command.socket_mode = values.socket_mode();
  command.allowed_uids = values.allowed_uids();
  command.allow_any_uid = values.flag("--allow-any-uid");
  command.state_dirs = values.state_dirs();
  command.memory_limit = values.memory_limit();
  command.drain_timeout = values.duration("--drain-timeout").value_or(command.drain_timeout);
  command.metrics = values.metrics();
  command.log = values.log();
  command.notify_socket = values.notify_socket();
  command.remedy = values.remedy();
  command.daprd_addresses = values.daprd_addresses();
  command.daprd_token = values.daprd_token();
  return command;
}

Command check_command(Values& values, const std::string& target) {
  CheckCommand command;
  command.target = target;
  command.component = values.text("--component");
  command.topic = values.text("--topic");
  command.timeout = values.duration("--timeout").value_or(command.timeout);
  command.json = values.flag("--json");
  return command;
}

Command publish_command(Values& values, const Settings& settings, const std::string& topic) {
  ProbePublishCommand command;
  command.socket = values.probe_socket();
  command.target = values.target();
  command.topic = topic;
  if (const auto data = settings.find("--data")) command.data = data->value;
  command.qos = values.qos();
  command.retain = values.flag("--retain");
  command.timeout = values.duration("--timeout").value_or(command.timeout);
  return command;
}

Command subscribe_command(Values& values, const Settings& settings, const std::string& filter) {
  ProbeSubscribeCommand command;
  command.socket = values.probe_socket();
  command.target = values.target();
  command.filter = filter;
  command.qos = values.qos();
  command.count = values.count();
  if (const auto failure = settings.find("--fail")) command.failure = failure->value;
  command.timeout = values.duration("--timeout");
  command.json = values.flag("--json");
  return command;
}

}  // namespace

base::Result<Command> make_command(const CommandInfo& info, const Settings& settings,
                                   const std::vector<std::string>& operands,
                                   const Environment& environment) {
  Values values(settings, environment);
  const std::string operand = operands.empty() ? std::string() : operands.front();
  Command command;
  if (info.name == kServe) {
    command = serve_command(values);
  } else if (info.name == "validate") {
    command = ValidateCommand{operands, values.text("--name", "mqtt"), values.flag("--json"),
                              values.flag("--strict")};
  } else if (info.name == "check") {
    command = check_command(values, operand);
  } else if (info.name == "probe") {
    command = ProbeStatusCommand{
        values.probe_socket(), values.duration("--timeout").value_or(ProbeStatusCommand{}.timeout),
        values.flag("--wait"), values.flag("--alive") || values.flag("--wait"),
        values.flag("--json")};
  } else if (info.name == "probe publish") {
    command = publish_command(values, settings, operand);
  } else if (info.name == "probe subscribe") {
    command = subscribe_command(values, settings, operand);
  } else if (info.name == "probe round-trip") {
    command = ProbeRoundTripCommand{
        values.probe_socket(), values.text("--url"), values.text("--topic"),
        values.count().value_or(1),
        values.duration("--timeout").value_or(ProbeRoundTripCommand{}.timeout)};
  } else if (info.name == "generate subscriptions") {
    const SubscriptionsDocument otherwise;
    auto document = subscriptions_document({operand, values.lanes().value_or(otherwise.lanes),
                                            values.text("--pubsub", otherwise.pubsub),
                                            values.text("--route", otherwise.route)});
    if (!values.status().ok()) return values.status();
    if (!document.ok()) return document.status();
    command = PrintCommand{std::move(document).value()};
  } else {
    auto document = generate_document(operand);
    if (!document.ok()) return document.status();
    command = PrintCommand{std::move(document).value()};
  }
  if (!values.status().ok()) return values.status();
  return command;
}

}  // namespace dapr_mqtt::app
