#pragma once

#include <string>

namespace dapr_mqtt::app {

std::string version();              ///< "0.1.0"
std::string commit();               ///< "1a2b3c4", or empty
std::string version_with_commit();  ///< "0.1.0 (commit 1a2b3c4)", where git knew it

}  // namespace dapr_mqtt::app
