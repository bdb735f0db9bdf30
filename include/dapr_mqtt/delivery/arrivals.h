#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::delivery {

/// Tells the dispatcher which queues got messages: the bridge from the broker
/// client's receive thread to the executor. However many messages come in, at
/// most one task is posted until the executor has taken what was noted.
///
/// Bounded by the number of queues. Thread-safe.
class Arrivals {
 public:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Batch {
    std::unordered_set<std::string, TextHash, std::equal_to<>> queues;
    bool inbox_full = false;
    bool claim_again = false;
  };

  /// `wake` runs on the executor after a note; it must call take().
  Arrivals(base::Executor& executor, base::Executor::Task wake)
      : executor_(executor), wake_(std::move(wake)) {}

  /// `queue` has a new message. `inbox_full`: storing it has filled the inbox,
  /// and intake should stop.
  void note(std::string_view queue, bool inbox_full);
  /// A message was stored as unclaimed while the routes changed: an open
  /// subscription may have to claim it.
  void note_unclaimed(bool claim_again, bool inbox_full);
  /// What was noted since the last call. On the executor.
  Batch take();

 private:
  base::Executor& executor_;
  const base::Executor::Task wake_;
  base::Mutex mutex_;
  Batch noted_ DM_GUARDED_BY(mutex_);
  bool posted_ DM_GUARDED_BY(mutex_) = false;
};

}  // namespace dapr_mqtt::delivery
