// What each fuzz target has besides LLVMFuzzerTestOneInput.
#pragma once

#include <string>
#include <vector>

namespace dapr_mqtt::fuzz {

/// The first inputs of a target. Each target defines them; tests/fuzz/run.sh writes them to files.
std::vector<std::string> seeds();

}  // namespace dapr_mqtt::fuzz
