// What one run of one scenario gave.
#pragma once

#include <map>
#include <string>

namespace dapr_mqtt::bench {

/// Figures by name: "rate" (messages a second), "cpu" (the process's CPU seconds for
/// a million messages), "switches" (context switches a message) and of these "voluntary",
/// "calls" (system calls a message), "p50", "p99", "max" (milliseconds), "peak" and
/// "memory" (MiB), "wakeups" (a second).
using Measurement = std::map<std::string, double>;

}  // namespace dapr_mqtt::bench
