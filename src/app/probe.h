#pragma once

#include "app/command_line.h"

namespace dapr_mqtt::app {

/// Sends one message through a serving component and its broker and prints what
/// came back, or to standard error why not; the process's exit code. Blocks.
int probe_round_trip(const ProbeRoundTripCommand& command);

}  // namespace dapr_mqtt::app
