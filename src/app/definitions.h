// What the command line offers, as data. Parsing, --help, the man page, the
// completion and the settings file all come from here.
#pragma once

#include <span>
#include <string_view>

namespace dapr_mqtt::app {

struct OptionInfo {
  std::string_view name{};   ///< "--socket-folder"
  std::string_view value{};  ///< the name of its value in help: "DIR"; empty: a flag
  std::string_view help{};
  bool required = false;
  bool repeated = false;
  /// Environment variables used if the option is absent; the first one that is set counts.
  std::span<const std::string_view> environment{};
  std::span<const std::string_view> choices{};  ///< for completion

  /// Its key in the settings file: "socket-folder".
  std::string_view setting() const { return name.substr(2); }
};

struct OptionGroup {
  std::string_view title{};
  std::span<const OptionInfo> options{};
};

struct CommandInfo {
  std::string_view name{};     ///< "probe publish"; words after the program's name
  std::string_view summary{};  ///< one line
  std::string_view details{};  ///< for its --help and the man page
  std::string_view operand{};  ///< "FILE..." or "TOPIC"; empty: none
  bool operand_repeated = false;
  bool operand_optional = false;
  std::span<const OptionGroup> groups{};
  std::string_view exit_status{};
  bool hidden = false;
};

inline constexpr std::string_view kProgram = "dapr-pubsub-mqtt";
inline constexpr std::string_view kServe = "serve";

/// In the order of the documents; `serve`, the default, comes first.
std::span<const CommandInfo> commands();
/// Null when there is none.
const CommandInfo* find_command(std::string_view name);
const OptionInfo* find_option(const CommandInfo& command, std::string_view name);

}  // namespace dapr_mqtt::app
