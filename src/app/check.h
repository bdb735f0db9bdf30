#pragma once

#include "app/commands.h"

namespace dapr_mqtt::app {

/// Checks a Component's broker step by step and prints the results; returns the
/// exit status. Blocks.
int run(const CheckCommand& command);

}  // namespace dapr_mqtt::app
