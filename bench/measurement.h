// What one run of one scenario gave.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dapr_mqtt::bench {

/// Figures by name: "rate" (messages a second), "cpu" (the process's CPU seconds for
/// a million messages), "p50", "p99", "max" (milliseconds), "peak" and "memory" (MiB),
/// "wakeups" (a second).
using Measurement = std::map<std::string, double>;

/// Durations in nanoseconds; adds "p50", "p99" and "max" of them. Sorts them.
void add_quantiles(std::vector<std::int64_t>& nanoseconds, Measurement& out);

}  // namespace dapr_mqtt::bench
