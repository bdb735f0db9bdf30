#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

/// When messages came in, for the age of the oldest message that still exists. Entries of messages
/// that are gone are removed lazily: at most about twice as many are kept as messages exist. Not
/// thread-safe.
class ArrivalTimes {
 public:
  /// Ids must rise. `there(id)`: whether that message still exists; `count`: how many do.
  template <typename There>
  void add(core::InboxId id, base::WallTime received, std::size_t count, const There& there) {
    constexpr std::size_t kSome = 64;
    if (times_.size() > 2 * count + kSome) {
      std::erase_if(times_, [&](const auto& time) { return !there(time.first); });
    }
    times_.emplace_back(id, received);
  }

  template <typename There>
  std::optional<std::pair<core::InboxId, base::WallTime>> oldest(const There& there) {
    while (!times_.empty() && !there(times_.front().first)) times_.pop_front();
    if (times_.empty()) return std::nullopt;
    return times_.front();
  }

 private:
  std::deque<std::pair<core::InboxId, base::WallTime>> times_;
};

}  // namespace dapr_mqtt::storage
