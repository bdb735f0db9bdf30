#pragma once

#include "app/commands.h"

namespace dapr_mqtt::app {

/// Prints what is wrong with the files; returns the exit status.
int run(const ValidateCommand& command);

}  // namespace dapr_mqtt::app
