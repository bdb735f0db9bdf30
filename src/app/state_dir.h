#pragma once

#include <string>
#include <vector>

namespace dapr_mqtt::app {

/// The first of `candidates` that this process can write, or make; the last when
/// it can none, whose error will say why. Makes nothing.
std::string pick_state_dir(const std::vector<std::string>& candidates);

}  // namespace dapr_mqtt::app
