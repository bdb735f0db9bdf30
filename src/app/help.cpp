#include "app/help.h"

#include <sstream>

namespace dapr_mqtt::app {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kColumn = 26;

/// `text` in lines of at most kWidth, each after `indent` spaces.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::istringstream paragraphs{std::string(text)};
  for (std::string paragraph; std::getline(paragraphs, paragraph);) {
    std::istringstream words(paragraph);
    std::string line(indent, ' ');
    for (std::string word; words >> word;) {
      if (line.size() > indent && line.size() + 1 + word.size() > kWidth) {
        out += line + "\n";
        line.assign(indent, ' ');
      }
      line += (line.size() > indent ? " " : "") + word;
    }
    out += line + "\n";
  }
  return out;
}

/// Two columns; if the first is too long, the second begins on the next line.
std::string row(const std::string& left, std::string_view right) {
  std::string line = "  " + left;
  const std::string text = wrapped(right, kColumn);
  if (line.size() + 2 > kColumn) return line + "\n" + text;
  line.resize(kColumn, ' ');
  return line + text.substr(kColumn);
}

std::string left_of(const OptionInfo& option) {
  std::string left(option.name);
  if (!option.value.empty()) left += " " + std::string(option.value);
  return left;
}

std::string groups(const CommandInfo& command, bool with_variables) {
  std::string out;
  for (const OptionGroup& group : command.groups) {
    out += "\n" + std::string(group.title) + ":\n";
    for (const OptionInfo& option : group.options) {
      std::string help(option.help);
      if (option.required) help += " (required)";
      if (option.repeated) help += "; repeatable";
      if (with_variables && !option.environment.empty()) {
        std::string variables;
        for (const std::string_view variable : option.environment) {
          variables += (variables.empty() ? " [" : ", ") + std::string(variable);
        }
        help += variables + "]";
      }
      out += row(left_of(option), help);
    }
  }
  return out;
}

}  // namespace

std::string synopsis(const CommandInfo& command) {
  std::string out(kProgram);
  out += command.name == kServe ? " [serve]" : " " + std::string(command.name);
  if (!command.groups.empty()) out += " [OPTION]...";
  if (!command.operand.empty()) {
    out += " " + std::string(command.operand) + (command.operand_repeated ? "..." : "");
  }
  return out;
}

std::string program_help() {
  std::string out = "Dapr pub/sub component pubsub.mqtt: serves daprd on a Unix socket.\n";
  out += "Usage: " + std::string(kProgram) + " [COMMAND] [OPTION]...\n\nCommands:\n";
  for (const CommandInfo& command : commands()) {
    if (!command.hidden) out += row(std::string(command.name), command.summary);
  }
  out += groups(*find_command(kServe), false);
  out += row("-h, --help", "This help; COMMAND --help for a command's own");
  out += row("--version", "Version and commit");
  return out;
}

std::string command_help(const CommandInfo& command) {
  std::string out = std::string(command.summary) + "\nUsage: " + synopsis(command) + "\n";
  if (!command.details.empty()) out += "\n" + wrapped(command.details, 0);
  out += groups(command, true);
  out += "\n" + wrapped("Exit status: " + std::string(command.exit_status), 0);
  return out;
}

}  // namespace dapr_mqtt::app
