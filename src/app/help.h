// --help, from the definitions.
#pragma once

#include <string>

#include "app/definitions.h"

namespace dapr_mqtt::app {

std::string program_help();  ///< all commands, and the options of serve
std::string command_help(const CommandInfo& command);
/// "dapr-pubsub-mqtt probe publish [OPTION]... TOPIC"
std::string synopsis(const CommandInfo& command);

}  // namespace dapr_mqtt::app
