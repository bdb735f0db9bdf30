#pragma once

#include "app/commands.h"

namespace dapr_mqtt::app {

/// Goes through a Component's broker step by step and prints what it sees; the
/// exit status. Blocks.
int run(const CheckCommand& command);

}  // namespace dapr_mqtt::app
