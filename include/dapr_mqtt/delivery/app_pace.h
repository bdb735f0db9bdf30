#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::delivery {

/// Statistics of how the app has answered deliveries: they tell whether it handles many messages at
/// a time or one after the other.
struct AppPace {
  base::TimePoint last{};  ///< when the last answer came
  std::uint64_t answers = 0;
  std::uint64_t overtaking = 0;  ///< answers that came before an older message's of the same stream
  std::uint64_t together = 0;    ///< answers that came almost at the same time as the one before
  base::Duration shortest = base::Duration::max();  ///< shortest time from hand-over to answer

  /// `in_flight`: the number of unanswered deliveries, this one included.
  void answered(base::TimePoint now, base::TimePoint handed_over, bool in_order,
                std::size_t in_flight) {
    const base::Duration took = now - handed_over;
    ++answers;
    if (!in_order) ++overtaking;
    // An app that handles one message after the other spreads its answers evenly over `took`.
    if ((now - last) * static_cast<std::int64_t>(4 * in_flight) < took) ++together;
    shortest = std::min(shortest, took);
    last = now;
  }
  void add(const AppPace& other) {
    answers += other.answers;
    overtaking += other.overtaking;
    together += other.together;
    shortest = std::min(shortest, other.shortest);
  }
};

}  // namespace dapr_mqtt::delivery
