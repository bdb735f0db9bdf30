#include "app/definitions.h"
#include "app/documents.h"
#include "app/help.h"
#include "app/version.h"

namespace dapr_mqtt::app {
namespace {

/// Text for roff: dashes that can be copied, no accidental requests or escapes.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '-') {
      out += "\\-";
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '\n') {
      out += "\n.br\n";
    } else {
      out += c;
    }
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string option(const OptionInfo& info) {
  std::string out = ".TP\n\\fB" + roff(info.name) + "\\fR";
  if (!info.value.empty()) out += " \\fI" + roff(info.value) + "\\fR";
  out += "\n" + roff(info.help) + ".";
  if (info.required) out += " Required.";
  if (info.repeated) out += " May be repeated.";
  if (!info.environment.empty()) {
    out += " Variable:";
    for (std::size_t i = 0; i < info.environment.size(); ++i) {
      out += (i > 0 ? ", else " : " ") + roff(info.environment[i]);
    }
    out += ".";
  }
  return out + "\n";
}

std::string command(const CommandInfo& info) {
  std::string out = ".SS " + roff(info.name) + "\n.B " + roff(synopsis(info)) + "\n.PP\n" +
                    roff(info.summary) + ".\n";
  if (!info.details.empty()) out += roff(info.details) + "\n";
  for (const OptionGroup& group : info.groups) {
    for (const OptionInfo& each : group.options) out += option(each);
  }
  return out + ".PP\nExit status: " + roff(info.exit_status) + "\n";
}

}  // namespace

std::string man_page() {
  std::string out = ".TH DAPR\\-PUBSUB\\-MQTT 1 \"\" \"" + std::string(kProgram) + " " + version() +
                    "\" \"User Commands\"\n";
  out += ".SH NAME\n" + roff(kProgram) + " \\- Dapr pub/sub component for MQTT brokers\n";
  out += ".SH SYNOPSIS\n";
  for (const CommandInfo& info : commands()) {
    out += ".B " + roff(synopsis(info)) + "\n.br\n";
  }
  out += ".SH DESCRIPTION\n";
  out += roff(
             "Serves daprd as the pluggable component pubsub.mqtt on a Unix socket, and helps to "
             "set it up: validate reads Component YAML, check tries the broker, probe asks a "
             "running component.") +
         "\n.SH COMMANDS\n";
  for (const CommandInfo& info : commands()) out += command(info);
  out +=
      ".SH FILES\n.TP\n.I /var/lib/dapr\\-pubsub\\-mqtt\nReceived messages of persistent "
      "sessions that the app has not handled.\n";
  return out;
}

}  // namespace dapr_mqtt::app
