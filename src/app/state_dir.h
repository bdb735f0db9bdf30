#pragma once

#include <string>
#include <vector>

namespace dapr_mqtt::app {

/// The first of `candidates` that this process can write or create; if there is
/// none, the last, whose use will then fail with the reason. Creates nothing.
std::string pick_state_dir(const std::vector<std::string>& candidates);

}  // namespace dapr_mqtt::app
