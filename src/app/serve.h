#pragma once

#include "app/commands.h"
#include "app/stop_signals.h"
#include "dapr_mqtt/instance/make_factory.h"

namespace dapr_mqtt::app {

/// Serves until the first stop signal, then stops in order; the process's exit
/// code. Blocks. What goes wrong is in the log.
/// `instances`: for tests; its state_dir is the command's.
int serve(const ServeCommand& command, StopSignals& signals,
          instance::FactoryOptions instances = {});

/// serve() with signals of its own: to be called before any thread.
int run(const ServeCommand& command);

}  // namespace dapr_mqtt::app
