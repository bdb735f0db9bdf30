#pragma once

#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/settings.h"

namespace dapr_mqtt::app {

/// Makes the typed command from the texts of its options. INVALID_ARGUMENT names the
/// option, variable or setting that is wrong, its value and what is allowed.
base::Result<Command> make_command(const CommandInfo& info, const Settings& settings,
                                   const std::vector<std::string>& operands,
                                   const Environment& environment);

}  // namespace dapr_mqtt::app
