#include "app/definitions.h"
#include "app/documents.h"

namespace dapr_mqtt::app {

std::string options_table() {
  std::string out = "| Option | In the settings file | Variable | Meaning |\n|---|---|---|---|\n";
  for (const OptionGroup& group : find_command(kServe)->groups) {
    for (const OptionInfo& option : group.options) {
      std::string variables;
      for (const std::string_view variable : option.environment) {
        variables += (variables.empty() ? "`" : ", else `") + std::string(variable) + "`";
      }
      std::string setting = "`" + std::string(option.setting()) + ": ";
      setting += option.value.empty() ? "true`"
                 : option.repeated    ? "[" + std::string(option.value) + ", …]`"
                                      : std::string(option.value) + "`";
      if (option.name == "--config") setting.clear();
      out += "| `" + std::string(option.name) +
             (option.value.empty() ? "" : " " + std::string(option.value)) + "` | " + setting +
             " | " + variables + " | " + std::string(option.help) + " |\n";
    }
  }
  return out;
}

}  // namespace dapr_mqtt::app
