#include "app/command_line.h"
#include "app/definitions.h"
#include "app/documents.h"
#include "app/state_dir.h"
#include "dapr_mqtt/config/keys.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <sstream>

namespace dapr_mqtt::app {
namespace {

using observability::LogFormat;
using observability::LogThreshold;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

Command parse(std::vector<const char*> arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), "dapr-pubsub-mqtt");
  return parse_command_line(
      static_cast<int>(arguments.size()), arguments.data(),
      [&](const std::string& name) -> std::optional<std::string> {
        const auto it = variables.find(name);
        if (it == variables.end()) return std::nullopt;
        return it->second;
      },
      [&](const std::string& path) -> base::Result<std::string> {
        const auto it = variables.find("file " + path);
        if (it == variables.end()) return base::unavailable("no file");
        return it->second;
      });
}

ServeCommand serve(std::vector<const char*> arguments, const Variables& variables = {}) {
  const Command command = parse(std::move(arguments), variables);
  if (const auto* print = std::get_if<PrintCommand>(&command)) {
    ADD_FAILURE() << print->text;
    return {};
  }
  return std::get<ServeCommand>(command);
}

std::string usage_error(std::vector<const char*> arguments, const Variables& variables = {}) {
  const Command command = parse(std::move(arguments), variables);
  const auto* print = std::get_if<PrintCommand>(&command);
  if (print == nullptr) return "accepted";
  EXPECT_EQ(print->exit_code, kExitUsage);
  EXPECT_EQ(std::count(print->text.begin(), print->text.end(), '\n'), 1) << print->text;
  return print->text;
}

TEST(CommandLine, serves_with_daprs_defaults_when_nothing_is_said) {
  for (const auto& command : {serve({}), serve({"serve"})}) {
    EXPECT_EQ(command.socket, "/tmp/dapr-components-sockets/mqtt.sock");
    EXPECT_EQ(command.socket_mode, 0600U);
    EXPECT_THAT(command.allowed_uids, testing::IsEmpty());
    EXPECT_FALSE(command.allow_any_uid);
    EXPECT_EQ(command.drain_timeout, std::chrono::seconds(5));
    EXPECT_EQ(command.memory_limit, std::nullopt);
    EXPECT_EQ(command.log.threshold, LogThreshold::kInfo);
    EXPECT_EQ(command.log.format, LogFormat::kText);
    EXPECT_EQ(command.log.app_id, "");
    EXPECT_NE(command.log.version, "");
  }
}

TEST(CommandLine, takes_options_before_and_after_serve) {
  const ServeCommand command = serve(
      {"--socket-folder", "/run/s", "serve", "--name=broker2", "--socket-mode", "660",
       "--allow-uid", "65532", "--allow-uid=1000", "--allow-any-uid", "--drain-timeout", "1500ms",
       "--memory-limit", "256Mi", "--log-level", "DEBUG", "--log-as-json", "--app-id", "orders"});
  EXPECT_EQ(command.socket, "/run/s/broker2.sock");
  EXPECT_EQ(command.socket_mode, 0660U);
  EXPECT_THAT(command.allowed_uids, ElementsAre(65532U, 1000U));
  EXPECT_TRUE(command.allow_any_uid);
  EXPECT_EQ(command.drain_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(command.memory_limit, std::size_t{256} << 20U);
  EXPECT_EQ(command.log.threshold, LogThreshold::kDebug);
  EXPECT_EQ(command.log.format, LogFormat::kJson);
  EXPECT_EQ(command.log.app_id, "orders");
}

TEST(CommandLine, prefers_the_option_then_the_injectors_folder_then_daprds) {
  const Variables both{{"DAPR_COMPONENT_SOCKETS_FOLDER", "/injector"},
                       {"DAPR_COMPONENTS_SOCKETS_FOLDER", "/daprd"}};
  EXPECT_EQ(serve({"--socket-folder", "/option"}, both).socket, "/option/mqtt.sock");
  EXPECT_EQ(serve({}, both).socket, "/injector/mqtt.sock");
  EXPECT_EQ(serve({}, {{"DAPR_COMPONENTS_SOCKETS_FOLDER", "/daprd"}}).socket, "/daprd/mqtt.sock");
}

TEST(CommandLine, reads_the_log_settings_of_the_environment_when_no_option_is_given) {
  const Variables variables{
      {"DAPR_LOG_LEVEL", "warn"}, {"DAPR_LOG_AS_JSON", "true"}, {"APP_ID", "from-env"}};
  const ServeCommand from_environment = serve({}, variables);
  EXPECT_EQ(from_environment.log.threshold, LogThreshold::kWarn);
  EXPECT_EQ(from_environment.log.format, LogFormat::kJson);
  EXPECT_EQ(from_environment.log.app_id, "from-env");
  const ServeCommand options = serve({"--log-level=error", "--app-id=x"}, variables);
  EXPECT_EQ(options.log.threshold, LogThreshold::kError);
  EXPECT_EQ(options.log.app_id, "x");
}

TEST(CommandLine, names_option_value_and_what_is_allowed_when_it_refuses) {
  EXPECT_THAT(usage_error({"--log-level", "loud"}),
              AllOf(HasSubstr("--log-level"), HasSubstr("\"loud\""), HasSubstr("debug, info")));
  EXPECT_THAT(usage_error({}, {{"DAPR_LOG_LEVEL", "loud"}}), HasSubstr("DAPR_LOG_LEVEL"));
  EXPECT_THAT(usage_error({}, {{"DAPR_LOG_AS_JSON", "maybe"}}), HasSubstr("DAPR_LOG_AS_JSON"));
  for (const char* mode : {"0888", "rw", "01777", "", "-1"}) {
    EXPECT_THAT(usage_error({"--socket-mode", mode}), HasSubstr("--socket-mode"));
  }
  EXPECT_THAT(usage_error({"--name", "a/b"}), HasSubstr("socket name \"a/b\""));
  for (const char* uid : {"root", "-1", "4294967295", "99999999999"}) {
    EXPECT_THAT(usage_error({"--allow-uid", uid}), HasSubstr("--allow-uid"));
  }
  for (const char* time : {"soon", "-1s", "11m"}) {
    EXPECT_THAT(usage_error({"--drain-timeout", time}), HasSubstr("--drain-timeout"));
  }
  for (const char* size : {"much", "-256Mi", "31Mi", "256"}) {
    EXPECT_THAT(usage_error({"--memory-limit", size}), HasSubstr("--memory-limit"));
  }
  EXPECT_THAT(usage_error({"--sockets", "x"}), HasSubstr("--sockets"));
  EXPECT_THAT(usage_error({"sreve"}), HasSubstr("sreve"));
}

TEST(CommandLine, probes_the_socket_that_serve_would_use) {
  const Command command = parse({"probe", "round-trip", "--url", "tcp://h:1"},
                                {{"DAPR_COMPONENTS_SOCKETS_FOLDER", "/daprd"}});
  const auto& probe = std::get<ProbeRoundTripCommand>(command);
  EXPECT_EQ(probe.socket, "/daprd/mqtt.sock");
  EXPECT_EQ(probe.url, "tcp://h:1");
  const Command explicit_one =
      parse({"probe", "round-trip", "--url=u", "--socket=/s/a.sock", "--topic=t", "--timeout=3s"});
  EXPECT_EQ(std::get<ProbeRoundTripCommand>(explicit_one).socket, "/s/a.sock");
  EXPECT_EQ(std::get<ProbeRoundTripCommand>(explicit_one).topic, "t");
  EXPECT_EQ(std::get<ProbeRoundTripCommand>(explicit_one).timeout, std::chrono::seconds(3));
}

TEST(CommandLine, takes_the_operand_wherever_it_stands) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"t", "--url", "u", "--data", "x"},
        {"--url", "u", "t", "--data", "x"},
        {"--url", "u", "--data", "x", "t"},
        {"--retain", "t", "--url", "u", "--data", "x"}}) {
    std::vector<const char*> all = arguments;
    all.insert(all.begin(), {"probe", "publish"});
    const auto publish = std::get<ProbePublishCommand>(parse(all));
    EXPECT_EQ(publish.topic, "t");
    EXPECT_EQ(publish.target.url, "u");
    EXPECT_EQ(publish.data, "x");
  }
  const auto validate = std::get<ValidateCommand>(parse({"validate", "a", "--json", "b"}));
  EXPECT_THAT(validate.files, ElementsAre("a", "b"));
  EXPECT_THAT(usage_error({"--allow-uid", "1", "2"}), HasSubstr("2"));
}

TEST(CommandLine, refuses_a_probe_without_its_parts) {
  EXPECT_THAT(usage_error({"probe", "publish", "t"}), HasSubstr("--url URL or --file FILE"));
  EXPECT_THAT(usage_error({"probe", "publish", "t", "--url=u", "--file=f"}),
              HasSubstr("either --url URL or --file FILE"));
  EXPECT_THAT(usage_error({"probe", "subscribe", "--url=u"}), HasSubstr("FILTER"));
  EXPECT_THAT(usage_error({"probe", "subscribe", "f", "--url=u", "--count=0"}),
              HasSubstr("--count"));
  EXPECT_THAT(usage_error({"probe", "subscribe", "f", "--url=u", "--qos=3"}), HasSubstr("--qos"));
  EXPECT_THAT(usage_error({"probe", "round-trip"}), HasSubstr("--url"));
  EXPECT_THAT(usage_error({"probe", "round-trip", "--url=u", "--log-as-json"}),
              HasSubstr("--log-as-json"));
}

TEST(CommandLine, heals_daprd_by_reload_unless_told_otherwise) {
  using sidecar::Address;
  using sidecar::Remedy;
  EXPECT_EQ(serve({}).remedy, Remedy::kReload);
  EXPECT_EQ(serve({"--heal-daprd", "shutdown"}).remedy, Remedy::kShutdown);
  EXPECT_EQ(serve({}, {{"DAPR_PUBSUB_MQTT_HEAL_DAPRD", "off"}}).remedy, Remedy::kNone);
  EXPECT_THAT(usage_error({"--heal-daprd", "yes"}),
              AllOf(HasSubstr("--heal-daprd"), HasSubstr("\"yes\""), HasSubstr("shutdown")));

  EXPECT_THAT(serve({}).daprd_addresses, ElementsAre(Address{"127.0.0.1", 3500}));
  EXPECT_THAT(serve({}, {{"DAPR_HTTP_PORT", "3600"}}).daprd_addresses,
              ElementsAre(Address{"127.0.0.1", 3600}));
  EXPECT_THAT(serve({"--daprd-address", "daprd:3500", "--daprd-address", "4000"},
                    {{"DAPR_HTTP_PORT", "3600"}})
                  .daprd_addresses,
              ElementsAre(Address{"daprd", 3500}, Address{"127.0.0.1", 4000}));
  EXPECT_THAT(usage_error({"--daprd-address", "0"}), HasSubstr("--daprd-address"));
  EXPECT_EQ(serve({}, {{"DAPR_API_TOKEN", "t"}}).daprd_token.reveal(), "t");
}

TEST(CommandLine, probes_for_readiness_unless_asked_whether_it_is_alive) {
  const auto probe = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "probe");
    return std::get<ProbeStatusCommand>(parse(arguments));
  };
  EXPECT_FALSE(probe({}).alive);
  EXPECT_TRUE(probe({"--alive"}).alive);
  EXPECT_TRUE(probe({"--wait"}).alive) << "a postStart hook that fails ends its container";
}

TEST(CommandLine, serves_metrics_only_when_told_where) {
  EXPECT_EQ(serve({}).metrics, std::nullopt);
  using observability::HttpAddress;
  EXPECT_EQ(serve({"--metrics-address", "9464"}).metrics, (HttpAddress{"127.0.0.1", 9464}));
  const Variables variables{{"DAPR_PUBSUB_MQTT_METRICS_ADDRESS", "0.0.0.0:9464"}};
  EXPECT_EQ(serve({}, variables).metrics, (HttpAddress{"0.0.0.0", 9464}));
  EXPECT_EQ(serve({"--metrics-address", "[::1]:1"}, variables).metrics, (HttpAddress{"::1", 1}));
  EXPECT_THAT(
      usage_error({"--metrics-address", ":9464"}),
      AllOf(HasSubstr("--metrics-address"), HasSubstr("\":9464\""), HasSubstr("host:port")));
  EXPECT_THAT(usage_error({}, {{"DAPR_PUBSUB_MQTT_METRICS_ADDRESS", "x"}}),
              HasSubstr("DAPR_PUBSUB_MQTT_METRICS_ADDRESS"));
}

TEST(CommandLine, fits_each_help_on_a_screen) {
  std::vector<std::vector<const char*>> all{{"--help"}, {"-h"}};
  std::deque<std::string> words;
  for (const CommandInfo& command : commands()) {
    std::istringstream name{std::string(command.name)};
    std::vector<const char*> arguments;
    for (std::string word; name >> word;) arguments.push_back(words.emplace_back(word).c_str());
    arguments.push_back("--help");
    all.push_back(arguments);
  }
  for (const auto& arguments : all) {
    const Command command = parse(arguments);
    const auto& print = std::get<PrintCommand>(command);
    EXPECT_EQ(print.exit_code, 0);
    EXPECT_LE(std::count(print.text.begin(), print.text.end(), '\n'), 48) << print.text;
    std::istringstream lines(print.text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(CommandLine, names_each_command_and_option_in_the_programs_help) {
  const std::string help = std::get<PrintCommand>(parse({"--help"})).text;
  for (const CommandInfo& command : commands())
    EXPECT_THAT(help, HasSubstr("  " + std::string(command.name) + " "));
  for (const OptionGroup& group : find_command(kServe)->groups) {
    EXPECT_THAT(help, HasSubstr("\n" + std::string(group.title) + ":\n"));
    for (const OptionInfo& option : group.options)
      EXPECT_THAT(help, HasSubstr("  " + std::string(option.name)));
  }
  const std::string serve_help = std::get<PrintCommand>(parse({"serve", "--help"})).text;
  for (const char* word :
       {"DAPR_COMPONENT_SOCKETS_FOLDER", "DAPR_COMPONENTS_SOCKETS_FOLDER", "DAPR_LOG_LEVEL",
        "DAPR_LOG_AS_JSON", "APP_ID", "DAPR_PUBSUB_MQTT_STATE_DIR", "STATE_DIRECTORY"}) {
    EXPECT_THAT(serve_help, HasSubstr(word));
  }
}

TEST(CommandLine, prefers_option_to_variable_to_settings_file) {
  Variables places{{"file /c.yaml",
                    "log-level: error\nallow-uid: [7, 8]\nallow-any-uid: yes\n"
                    "socket-folder: /from-file\ndrain-timeout: 2s\n"}};
  const ServeCommand from_file = serve({"--config", "/c.yaml"}, places);
  EXPECT_EQ(from_file.log.threshold, LogThreshold::kError);
  EXPECT_THAT(from_file.allowed_uids, ElementsAre(7U, 8U));
  EXPECT_TRUE(from_file.allow_any_uid);
  EXPECT_EQ(from_file.socket, "/from-file/mqtt.sock");
  EXPECT_EQ(from_file.drain_timeout, std::chrono::seconds(2));

  places["DAPR_LOG_LEVEL"] = "warn";
  places["DAPR_COMPONENTS_SOCKETS_FOLDER"] = "/from-variable";
  places["DAPR_PUBSUB_MQTT_CONFIG"] = "/c.yaml";
  const ServeCommand variable = serve({}, places);
  EXPECT_EQ(variable.log.threshold, LogThreshold::kWarn);
  EXPECT_EQ(variable.socket, "/from-variable/mqtt.sock");
  EXPECT_EQ(variable.drain_timeout, std::chrono::seconds(2));

  const ServeCommand option = serve({"--log-level", "debug", "--allow-uid=9"}, places);
  EXPECT_EQ(option.log.threshold, LogThreshold::kDebug);
  EXPECT_THAT(option.allowed_uids, ElementsAre(9U));
}

TEST(CommandLine, names_file_line_and_setting_that_are_wrong) {
  const auto error = [](const char* text) {
    return usage_error({"--config", "/c.yaml"}, {{"file /c.yaml", text}});
  };
  EXPECT_THAT(error("app-id: x\nlog-levl: debug\n"),
              HasSubstr("/c.yaml:2:1: unknown setting \"log-levl\"; did you mean log-level?"));
  EXPECT_THAT(error("app-id: x\nlog-level: loud\n"), HasSubstr("/c.yaml:2: log-level: \"loud\""));
  EXPECT_THAT(error("app-id: x\napp-id: y\n"), HasSubstr("/c.yaml:2:1: app-id is given twice"));
  EXPECT_THAT(error("app-id: [a, b]\n"), HasSubstr("/c.yaml:1: app-id: takes one value"));
  EXPECT_THAT(error("app-id:\n"), HasSubstr("app-id: has no value"));
  EXPECT_THAT(error("- app-id\n"), HasSubstr("one mapping is wanted"));
  EXPECT_THAT(error("app-id: [x\n"), HasSubstr("this is not YAML"));
  EXPECT_THAT(error("config: other.yaml\n"), HasSubstr("unknown setting"));
  EXPECT_THAT(usage_error({"--config", "/none.yaml"}), HasSubstr("--config: no file"));
}

TEST(CommandLine, takes_files_and_options_of_validate_and_check) {
  const auto validate =
      std::get<ValidateCommand>(parse({"validate", "a.yaml", "-", "--json", "--strict"}));
  EXPECT_THAT(validate.files, ElementsAre("a.yaml", "-"));
  EXPECT_TRUE(validate.json);
  EXPECT_TRUE(validate.strict);
  EXPECT_THAT(usage_error({"validate"}), HasSubstr("FILE"));
  const auto check = std::get<CheckCommand>(parse({"check", "tcp://h", "--timeout", "1s"}));
  EXPECT_EQ(check.target, "tcp://h");
  EXPECT_EQ(check.timeout, std::chrono::seconds(1));
  EXPECT_THAT(usage_error({"check", "a", "b"}), HasSubstr("b"));
}

TEST(Documents, name_every_command_and_option) {
  const std::string man = man_page();
  const std::string bash = bash_completion();
  for (const CommandInfo& command : commands()) {
    EXPECT_THAT(bash, HasSubstr("'" + std::string(command.name) + "')"));
    for (const OptionGroup& group : command.groups) {
      for (const OptionInfo& option : group.options) {
        EXPECT_THAT(bash, HasSubstr(" " + std::string(option.name)));
        std::string escaped;
        for (const char c : option.name)
          escaped += c == '-' ? std::string("\\-") : std::string(1, c);
        EXPECT_THAT(man, HasSubstr("\\fB" + escaped + "\\fR"));
      }
    }
  }
  for (const config::KeyInfo& key : config::keys()) {
    EXPECT_THAT(fields_table(), HasSubstr("| `" + std::string(key.name) + "` |"));
    EXPECT_THAT(component_schema(), HasSubstr("\"" + std::string(key.name) + "\""));
  }
  for (const OptionGroup& group : find_command(kServe)->groups) {
    for (const OptionInfo& option : group.options) {
      EXPECT_THAT(options_table(), HasSubstr("| `" + std::string(option.name)));
    }
  }
  EXPECT_FALSE(generate_document("html").ok());
}

TEST(CommandLine, prints_the_version) {
  const Command command = parse({"--version"});
  EXPECT_THAT(std::get<PrintCommand>(command).text,
              testing::MatchesRegex("dapr-pubsub-mqtt [0-9.]+( .commit [0-9a-f]+.)?\n"));
  EXPECT_EQ(std::get<PrintCommand>(command).exit_code, 0);
}

TEST(CommandLine, state_dir_is_the_options_then_the_variables_then_a_services_or_a_users) {
  const Variables all{{"DAPR_PUBSUB_MQTT_STATE_DIR", "/v"},
                      {"STATE_DIRECTORY", "/s:/other"},
                      {"XDG_STATE_HOME", "/x"},
                      {"HOME", "/h"}};
  Variables some = all;
  EXPECT_THAT(serve({"--state-dir", "/o"}, some).state_dirs, ElementsAre("/o"));
  EXPECT_THAT(serve({}, some).state_dirs, ElementsAre("/v"));
  some.erase("DAPR_PUBSUB_MQTT_STATE_DIR");
  EXPECT_THAT(serve({}, some).state_dirs, ElementsAre("/s"));
  some.erase("STATE_DIRECTORY");
  EXPECT_THAT(serve({}, some).state_dirs,
              ElementsAre("/var/lib/dapr-pubsub-mqtt", "/x/dapr-pubsub-mqtt"));
  some.erase("XDG_STATE_HOME");
  EXPECT_THAT(serve({}, some).state_dirs,
              ElementsAre("/var/lib/dapr-pubsub-mqtt", "/h/.local/state/dapr-pubsub-mqtt"));
  EXPECT_THAT(serve({}).state_dirs, ElementsAre("/var/lib/dapr-pubsub-mqtt"));
}

TEST(StateDir, is_the_first_that_can_be_written_and_the_last_when_none_can) {
  EXPECT_EQ(pick_state_dir({"/dev/null/a", "/tmp/not-made-yet/b", "/tmp"}), "/tmp/not-made-yet/b");
  EXPECT_EQ(pick_state_dir({"/dev/null/a", "/dev/null/b"}), "/dev/null/b");
  EXPECT_FALSE(std::filesystem::exists("/tmp/not-made-yet"));
}

}  // namespace
}  // namespace dapr_mqtt::app
