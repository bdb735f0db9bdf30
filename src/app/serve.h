#pragma once

#include "app/commands.h"
#include "app/stop_signals.h"
#include "dapr_mqtt/instance/make_factory.h"

namespace dapr_mqtt::app {

/// Serves until the first stop signal, then stops in order; returns the process's
/// exit code. Blocks. Errors are in the log.
/// `instances`: for tests; the command's state_dir replaces that in it.
int serve(const ServeCommand& command, StopSignals& signals,
          instance::FactoryOptions instances = {});

/// serve() with signals of its own: to be called before any thread.
int run(const ServeCommand& command);

}  // namespace dapr_mqtt::app
