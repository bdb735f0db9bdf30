// The `probe` commands, which query a running component over its socket. Each prints
// the answer, or to standard error why there is none, and returns the process's exit
// code. All block.
#pragma once

#include "app/commands.h"

namespace dapr_mqtt::app {

int run(const ProbeStatusCommand& command);
int run(const ProbePublishCommand& command);
int run(const ProbeSubscribeCommand& command);
int run(const ProbeRoundTripCommand& command);

}  // namespace dapr_mqtt::app
