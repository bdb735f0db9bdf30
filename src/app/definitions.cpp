#include "app/definitions.h"

#include <array>

namespace dapr_mqtt::app {
namespace {

using Names = std::array<std::string_view, 1>;

constexpr std::array<std::string_view, 2> kFolderVariables = {"DAPR_COMPONENT_SOCKETS_FOLDER",
                                                              "DAPR_COMPONENTS_SOCKETS_FOLDER"};
constexpr std::array<std::string_view, 2> kStateVariables = {"DAPR_PUBSUB_MQTT_STATE_DIR",
                                                             "STATE_DIRECTORY"};
constexpr Names kLevelVariable = {"DAPR_LOG_LEVEL"};
constexpr Names kJsonVariable = {"DAPR_LOG_AS_JSON"};
constexpr Names kAppVariable = {"APP_ID"};
constexpr Names kMetricsVariable = {"DAPR_PUBSUB_MQTT_METRICS_ADDRESS"};
constexpr Names kMemoryVariable = {"DAPR_PUBSUB_MQTT_MEMORY_LIMIT"};
constexpr Names kHealVariable = {"DAPR_PUBSUB_MQTT_HEAL_DAPRD"};
constexpr Names kDaprdVariable = {"DAPR_PUBSUB_MQTT_DAPRD_ADDRESS"};
constexpr std::array<std::string_view, 3> kRemedies = {"reload", "shutdown", "off"};
constexpr Names kConfigVariable = {"DAPR_PUBSUB_MQTT_CONFIG"};
constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "fatal"};
constexpr std::array<std::string_view, 3> kQos = {"0", "1", "2"};

constexpr OptionInfo kSocketFolder = {.name = "--socket-folder",
                                      .value = "DIR",
                                      .help = "Where daprd looks for sockets",
                                      .environment = kFolderVariables};
constexpr OptionInfo kName = {.name = "--name",
                              .value = "NAME",
                              .help = "Serve as pubsub.NAME on DIR/NAME.sock (default mqtt)"};
constexpr OptionInfo kJson = {.name = "--json", .help = "Print JSON, for programs"};

constexpr std::array kServeSocket = {
    kSocketFolder,
    kName,
    OptionInfo{.name = "--socket-mode",
               .value = "OCTAL",
               .help = "Permissions of the socket (default 0600)"},
    OptionInfo{.name = "--allow-uid",
               .value = "UID",
               .help = "Accept this user too, besides ours and root",
               .repeated = true},
    OptionInfo{.name = "--allow-any-uid", .help = "Accept every user that the mode lets in"},
};
constexpr std::array kServeRestart = {
    OptionInfo{.name = "--heal-daprd",
               .value = "HOW",
               .help = "After our restart: reload (SIGHUP, default), shutdown or off",
               .environment = kHealVariable,
               .choices = kRemedies},
    OptionInfo{.name = "--daprd-address",
               .value = "ADDR",
               .help = "daprd's HTTP API: port or host:port (default 3500)",
               .repeated = true,
               .environment = kDaprdVariable},
};
constexpr std::array kServeMessages = {
    OptionInfo{.name = "--state-dir",
               .value = "DIR",
               .help = "Keeps unhandled messages of persistent sessions",
               .environment = kStateVariables},
    OptionInfo{.name = "--memory-limit",
               .value = "SIZE",
               .help = "The process's memory, e.g. 256Mi (default: its container's limit)",
               .environment = kMemoryVariable},
    OptionInfo{.name = "--drain-timeout",
               .value = "TIME",
               .help = "Time for messages in flight when stopping (default 5s)"},
};
constexpr std::array kServeLog = {
    OptionInfo{.name = "--metrics-address",
               .value = "ADDR",
               .help = "Metrics and health over HTTP: port or host:port (default: none)",
               .environment = kMetricsVariable},
    OptionInfo{.name = "--log-level",
               .value = "LEVEL",
               .help = "debug, info (default), warn, error or fatal",
               .environment = kLevelVariable,
               .choices = kLevels},
    OptionInfo{.name = "--log-as-json",
               .help = "Log in JSON, one object a line",
               .environment = kJsonVariable},
    OptionInfo{.name = "--app-id",
               .value = "ID",
               .help = "app_id in the log",
               .environment = kAppVariable},
};
constexpr std::array kServeGeneral = {
    OptionInfo{.name = "--config",
               .value = "FILE",
               .help = "Read these settings from YAML, e.g. log-level: debug",
               .environment = kConfigVariable},
};
constexpr std::array kServeGroups = {
    OptionGroup{"Socket", kServeSocket},     OptionGroup{"After a restart", kServeRestart},
    OptionGroup{"Messages", kServeMessages}, OptionGroup{"Log and metrics", kServeLog},
    OptionGroup{"General", kServeGeneral},
};

constexpr std::array kValidateOptions = {
    kJson,
    OptionInfo{.name = "--strict", .help = "Warnings count as errors"},
    OptionInfo{.name = "--name",
               .value = "NAME",
               .help = "The component serves as pubsub.NAME (default mqtt)"},
};
constexpr std::array kValidateGroups = {OptionGroup{"Options", kValidateOptions}};

constexpr OptionInfo kComponent = {.name = "--component",
                                   .value = "NAME",
                                   .help = "Which one, if the file has several Components"};
constexpr std::array kCheckOptions = {
    kComponent,
    OptionInfo{.name = "--topic",
               .value = "TOPIC",
               .help = "Send here (default: one of its own, dapr-mqtt-check/...)"},
    OptionInfo{.name = "--timeout", .value = "TIME", .help = "For each step (default 5s)"},
    kJson,
};
constexpr std::array kCheckGroups = {OptionGroup{"Options", kCheckOptions}};

constexpr OptionInfo kSocket = {
    .name = "--socket", .value = "FILE", .help = "The component's socket (default: as serve)"};
constexpr std::array kStatusOptions = {
    kSocket,
    OptionInfo{.name = "--timeout", .value = "TIME", .help = "For the whole command (default 2s)"},
    OptionInfo{.name = "--wait", .help = "Wait until it serves, for up to the timeout"},
    OptionInfo{.name = "--alive",
               .help = "Only ask whether it serves: for liveness (--wait does too)"},
    kJson,
};
constexpr std::array kStatusGroups = {OptionGroup{"Options", kStatusOptions}};

constexpr OptionInfo kUrl = {
    .name = "--url", .value = "URL", .help = "The broker, e.g. tcp://localhost:1883"};
constexpr OptionInfo kFile = {
    .name = "--file", .value = "FILE", .help = "Component YAML, instead of --url"};
constexpr OptionInfo kProbeTimeout = {
    .name = "--timeout", .value = "TIME", .help = "For the whole command (default 10s)"};
constexpr OptionInfo kProbeQos = {
    .name = "--qos", .value = "N", .help = "0, 1 (default) or 2", .choices = kQos};
constexpr std::array kPublishOptions = {
    kUrl,
    kFile,
    kComponent,
    OptionInfo{.name = "--data",
               .value = "TEXT",
               .help = "The payload, sent as it is (default: standard input)"},
    kProbeQos,
    OptionInfo{.name = "--retain", .help = "The broker keeps it as the topic's last value"},
    kSocket,
    kProbeTimeout,
};
constexpr std::array kPublishGroups = {OptionGroup{"Options", kPublishOptions}};
constexpr std::array kSubscribeOptions = {
    kUrl,
    kFile,
    kComponent,
    kProbeQos,
    OptionInfo{.name = "--count", .value = "N", .help = "End after N messages (default: Ctrl-C)"},
    OptionInfo{.name = "--fail",
               .value = "TEXT",
               .help = "Answer each message with this error, like an app that fails"},
    OptionInfo{.name = "--timeout",
               .value = "TIME",
               .help = "End after this time, exit status 1 (default: none)"},
    kSocket,
    kJson,
};
constexpr std::array kSubscribeGroups = {OptionGroup{"Options", kSubscribeOptions}};
constexpr std::array kRoundTripOptions = {
    kSocket,
    OptionInfo{.name = "--url",
               .value = "URL",
               .help = "The broker, e.g. tcp://localhost:1883",
               .required = true},
    OptionInfo{.name = "--topic", .value = "TOPIC", .help = "Default: one of its own"},
    OptionInfo{.name = "--count", .value = "N", .help = "N messages, one by one (default 1)"},
    kProbeTimeout,
};
constexpr std::array kRoundTripGroups = {OptionGroup{"Options", kRoundTripOptions}};

constexpr std::array kLanesOptions = {
    OptionInfo{.name = "--lanes", .value = "N", .help = "How many, from 1 to 1000 (default 8)"},
    OptionInfo{.name = "--pubsub", .value = "NAME", .help = "The Component's name (default mqtt)"},
    OptionInfo{.name = "--route",
               .value = "PATH",
               .help = "Where the app takes the messages (default /messages)"},
};
constexpr std::array kLanesGroups = {OptionGroup{"Options", kLanesOptions}};

constexpr std::string_view kProbeStatus = "0 it worked, 1 it did not, 2 wrong usage.";

constexpr std::array kCommands = {
    CommandInfo{
        .name = kServe,
        .summary = "Serve daprd until SIGTERM or SIGINT (the default)",
        .details = "Each option can also be set in the settings file (--config), without its "
                   "dashes. An option overrides its variable, and a variable overrides the file.\n"
                   "daprd calls Init once. A daprd that missed our restart is told to restart: "
                   "reload sends SIGHUP (same machine, same user, daprd 1.18 or later), shutdown "
                   "calls its HTTP API, where something starts it again. Needs its "
                   "DAPR_API_TOKEN.\n"
                   "Without --state-dir: /var/lib/dapr-pubsub-mqtt, else dapr-pubsub-mqtt in "
                   "XDG_STATE_HOME or ~/.local/state.",
        .groups = kServeGroups,
        .exit_status = "0 stopped by a signal, 1 cannot serve, 2 wrong usage or settings.",
    },
    CommandInfo{
        .name = "validate",
        .summary = "Check Component YAML without a broker",
        .details = "Prints every problem as file:line:column: error|warning: text. Reads "
                   "standard input for the operand -. Skips resources that are not a Component of "
                   "our type.",
        .operand = "FILE",
        .operand_repeated = true,
        .groups = kValidateGroups,
        .exit_status = "0 no errors, 1 errors, 2 wrong usage or a file that cannot be read.",
    },
    CommandInfo{
        .name = "check",
        .summary = "Try a Component or a URL on its broker, step by step",
        .details = "Goes through name resolution, TCP, TLS, CONNECT, MQTT 5 and the broker's "
                   "limits, permission to subscribe and publish, a round trip at each QoS, the "
                   "consumer group and the session, and says at each step how long it took or "
                   "what is wrong. Uses client IDs and topics of its own: it disturbs neither "
                   "a running component nor its session.",
        .operand = "FILE|URL",
        .groups = kCheckGroups,
        .exit_status = "0 all steps passed, 1 one failed, 2 wrong usage or a wrong Component.",
    },
    CommandInfo{
        .name = "probe",
        .summary = "Ask a running component over its socket, as daprd does",
        .details = "Says whether the component is served, in which version, and whether it "
                   "answers Ping. Fails, with the reason, while a daprd has not noticed that the "
                   "component was restarted. Suitable for a container's exec probes.",
        .groups = kStatusGroups,
        .exit_status = "0 it serves, 1 it does not, 2 wrong usage.",
    },
    CommandInfo{
        .name = "probe publish",
        .summary = "Publish one message through the component",
        .details = "Makes an instance of its own in the running component, with client IDs of "
                   "its own and outside any consumerGroup.",
        .operand = "TOPIC",
        .groups = kPublishGroups,
        .exit_status = kProbeStatus,
    },
    CommandInfo{
        .name = "probe subscribe",
        .summary = "Print the messages of a topic filter as they come",
        .details = "As probe publish. A line for each message: its topic and its payload.",
        .operand = "FILTER",
        .groups = kSubscribeGroups,
        .exit_status = kProbeStatus,
    },
    CommandInfo{
        .name = "probe round-trip",
        .summary = "Send a message through component and broker and back",
        .groups = kRoundTripGroups,
        .exit_status = kProbeStatus,
    },
    CommandInfo{
        .name = "generate",
        .summary = "Print a document made from the program's own tables",
        .details =
            "schema: JSON schema of our Component YAML, for editors. fields: the table of "
            "metadata keys in Markdown. options: that of the options of serve. man: the manual "
            "page. bash: completion for bash.",
        .operand = "schema|fields|options|man|bash",
        .exit_status = "0, 2 wrong usage.",
    },
    CommandInfo{
        .name = "generate subscriptions",
        .summary = "Print Subscription resources that share a topic in lanes",
        .details = "daprd 1.16 to 1.18 hands the messages of a subscription to the app one at a "
                   "time. With N lanes, N subscriptions share the messages of one topic, and the "
                   "app gets N at a time; concurrencyMode ordered still keeps each topic in order.",
        .operand = "TOPIC",
        .groups = kLanesGroups,
        .exit_status = "0, 2 wrong usage.",
    },
};

}  // namespace

std::span<const CommandInfo> commands() { return kCommands; }

const CommandInfo* find_command(std::string_view name) {
  for (const CommandInfo& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

const OptionInfo* find_option(const CommandInfo& command, std::string_view name) {
  for (const OptionGroup& group : command.groups) {
    for (const OptionInfo& option : group.options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

}  // namespace dapr_mqtt::app
