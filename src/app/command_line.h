// What the user asked for, from arguments and environment. No I/O.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dapr_mqtt/observability/dapr_logger.h"

namespace dapr_mqtt::app {

/// Variables by name; nothing for one that is not set. An empty one counts as
/// not set, as in Dapr.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct ServeCommand {
  std::string socket;  ///< <folder>/<name>.sock
  mode_t socket_mode = 0600;
  std::vector<uid_t> allowed_uids;  ///< besides our own and root
  bool allow_any_uid = false;
  /// Where inboxes may be, the best first; one when the user has named it.
  std::vector<std::string> state_dirs;
  std::chrono::milliseconds drain_timeout{5000};
  observability::LogOptions log;
};

struct ProbeRoundTripCommand {
  std::string socket;
  std::string url;
  std::string topic;  ///< empty: one of its own
  std::chrono::milliseconds timeout{10000};
};

/// Nothing to run: help, version, or a usage error.
struct PrintCommand {
  std::string text;
  int exit_code = 0;  ///< 2: usage error, and `text` is for standard error
};

using Command = std::variant<ServeCommand, ProbeRoundTripCommand, PrintCommand>;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

/// Never throws. A wrong argument or variable gives a PrintCommand that names
/// it, its value and what is allowed.
Command parse_command_line(int argc, const char* const* argv, const Environment& environment);

}  // namespace dapr_mqtt::app
