#include "app/definitions.h"
#include "app/documents.h"

namespace dapr_mqtt::app {
namespace {

std::string words(const CommandInfo& command) {
  std::string out = "--help";
  for (const OptionGroup& group : command.groups) {
    for (const OptionInfo& option : group.options) out += " " + std::string(option.name);
  }
  // Words that may follow: a command's sub-commands, or its possible operands.
  for (const CommandInfo& other : commands()) {
    if (other.name.starts_with(std::string(command.name) + " ")) {
      out += " " + std::string(other.name.substr(command.name.size() + 1));
    }
  }
  if (command.name == "generate") out += " schema fields options man bash";
  return out;
}

/// Cases for the word before: how to complete the value of that option.
std::string values() {
  std::string out;
  std::string seen = " ";
  for (const CommandInfo& command : commands()) {
    for (const OptionGroup& group : command.groups) {
      for (const OptionInfo& option : group.options) {
        if (option.value.empty() || seen.find(" " + std::string(option.name) + " ") != seen.npos)
          continue;
        seen += std::string(option.name) + " ";
        std::string action = "return";
        if (!option.choices.empty()) {
          std::string choices;
          for (const std::string_view choice : option.choices) choices += std::string(choice) + " ";
          choices.pop_back();
          action = "COMPREPLY=($(compgen -W '" + choices + "' -- \"$word\")); return";
        } else if (option.value == "DIR") {
          action = "COMPREPLY=($(compgen -d -- \"$word\")); return";
        } else if (option.value == "FILE") {
          action = "COMPREPLY=($(compgen -f -- \"$word\")); return";
        }
        out += "    " + std::string(option.name) + ") " + action + " ;;\n";
      }
    }
  }
  return out;
}

}  // namespace

std::string bash_completion() {
  const std::string function = "_dapr_pubsub_mqtt";
  std::string top = "--version";
  std::string cases;
  for (const CommandInfo& command : commands()) {
    const bool sub = command.name.find(' ') != std::string_view::npos;
    if (!sub) top += " " + std::string(command.name);
    cases += "    '" + std::string(command.name) + "') words='" + words(command) + "' ;;\n";
  }
  return "# bash completion for " + std::string(kProgram) + "\n" + function +
         "() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command='' words='' i\n"
         "  COMPREPLY=()\n"
         "  case $before in\n" +
         values() +
         "  esac\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "    -*) ;;\n"
         "    serve | validate | check) command=${COMP_WORDS[i]}; break ;;\n"
         "    probe | generate) command=${COMP_WORDS[i]} ;;\n"
         "    publish | subscribe | round-trip)\n"
         "      [[ $command != probe ]] || { command=\"probe ${COMP_WORDS[i]}\"; break; } ;;\n"
         "    subscriptions)\n"
         "      [[ $command != generate ]] || { command='generate subscriptions'; break; } ;;\n"
         "    esac\n"
         "  done\n"
         "  case $command in\n"
         "    '') words='" +
         top + " " + words(*find_command(kServe)) + "' ;;\n" + cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  [[ $word == -* || $command != validate && $command != check ]] ||\n"
         "    COMPREPLY+=($(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -o filenames -F " +
         function + " " + std::string(kProgram) + "\n";
}

}  // namespace dapr_mqtt::app
