// The options of one run, from command line, environment and settings file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command_line.h"
#include "app/definitions.h"

namespace dapr_mqtt::app {

/// An option's value and where it was set, for errors.
struct Setting {
  std::string value;
  std::string source;  ///< "--log-level", "DAPR_LOG_LEVEL" or "serve.yaml:3: log-level"
};

class Settings {
 public:
  Settings(const CommandInfo& command, const Environment& environment)
      : command_(command), environment_(environment) {}

  void give(std::string_view option, std::vector<std::string> values);
  /// Reads the file that --config names, if it is given. INVALID_ARGUMENT for a file
  /// that is not a settings file.
  base::Status read_config(const ReadFile& read_file);

  /// The value of the option, else of its variable, else in the file.
  std::optional<Setting> find(std::string_view option) const;
  std::vector<Setting> find_all(std::string_view option) const;
  std::string text(std::string_view option, std::string_view otherwise = {}) const;

 private:
  const CommandInfo& command_;
  const Environment& environment_;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::map<std::string, std::vector<Setting>, std::less<>> file_;
};

}  // namespace dapr_mqtt::app
