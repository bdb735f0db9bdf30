#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::delivery {

/// Reports to the dispatcher which queues got messages: it leads from the broker client's receive
/// threads to the executor. However many messages come in, each thread posts at most one task
/// until the executor has called take(). A receive thread runs that task itself
/// (base::Executor::enter), unless it will write the messages to disk first. Each thread posts its
/// own task, since a thread that posted before may be waiting for its disk.
///
/// Memory is bounded by the number of queues and threads. Thread-safe.
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

  /// kEnter: the calling thread enters the executor. kPost: it only posts the task.
  enum class WakeBy { kEnter, kPost };

  /// `wake` runs on the executor after note() or note_unclaimed(); it must call take(). It is a
  /// quick task (base::Executor).
  Arrivals(base::Executor& executor, base::Executor::Task wake)
      : executor_(executor), wake_(std::move(wake)) {}

  /// Records that `queue` has a new message. `inbox_full`: storing it has filled the inbox, so that
  /// intake should stop.
  void note(std::string_view queue, bool inbox_full, WakeBy by = WakeBy::kEnter);
  /// Records that a message came in that no subscription claims; maybe none ever will.
  /// `claim_again`: the routes changed meanwhile, so an open subscription may have to claim it.
  void note_unclaimed(bool claim_again, bool inbox_full);
  /// Returns what was noted since the last call. To be called on the executor.
  Batch take();

 private:
  /// Whether a task has to be posted for what was noted.
  bool needs_post(WakeBy by) DM_REQUIRES(mutex_);
  void post(WakeBy by);

  base::Executor& executor_;
  const base::Executor::Task wake_;
  base::Mutex mutex_;
  Batch noted_ DM_GUARDED_BY(mutex_);
  // Since take():
  bool woken_ DM_GUARDED_BY(mutex_) = false;
  std::vector<std::thread::id> entering_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::delivery
