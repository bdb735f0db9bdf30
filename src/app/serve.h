#pragma once

#include "app/command_line.h"
#include "app/stop_signals.h"

namespace dapr_mqtt::app {

/// Serves until the first stop signal, then stops in order; the process's exit
/// code. Blocks. What goes wrong is in the log.
int serve(const ServeCommand& command, StopSignals& signals);

}  // namespace dapr_mqtt::app
