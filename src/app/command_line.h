// What the user asked for, from arguments, environment and settings file.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/commands.h"
#include "app/input.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::app {

/// Variables by name; none for one that is not set. An empty one counts as not
/// set, as in Dapr.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// A file's text. The only I/O here, and only for --config.
using ReadFile = std::function<base::Result<std::string>(const std::string& path)>;

/// Never throws. A wrong argument, variable or setting gives a PrintCommand that
/// names it, its value and what is allowed.
Command parse_command_line(int argc, const char* const* argv, const Environment& environment,
                           const ReadFile& read_file = read_input);

}  // namespace dapr_mqtt::app
