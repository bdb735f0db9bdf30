#include "measurement.h"

#include <algorithm>
#include <cstddef>

namespace dapr_mqtt::bench {

void add_quantiles(std::vector<std::int64_t>& nanoseconds, Measurement& out) {
  if (nanoseconds.empty()) return;
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double share) {
    constexpr double kPerMillisecond = 1e6;
    const auto last = static_cast<double>(nanoseconds.size() - 1);
    return static_cast<double>(nanoseconds[static_cast<std::size_t>(share * last)]) /
           kPerMillisecond;
  };
  out["p50"] = at(0.5);
  out["p99"] = at(0.99);
  out["max"] = at(1);
}

}  // namespace dapr_mqtt::bench
