#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::base {

/// Hands values from any thread to one executor, in order and in batches: a
/// burst costs one posted task, not one for each value. The callers of push()
/// limit the number of values.
///
/// Lifetime: the executor is stopped before the mailbox goes, since a posted
/// task refers to it.
template <typename T>
class Mailbox {
 public:
  /// `handler` runs on the executor with the values so far; it may move from them.
  using Handler = std::function<void(std::vector<T>&)>;

  Mailbox(Executor& executor, Handler handler)
      : executor_(executor), handler_(std::move(handler)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void push(T value) { put(std::move(value), true); }

  /// Like push(), but posts no task: the value waits for the next push() or hand_over(). While
  /// schedule_all(true) is in force it is the same as push().
  void push_quietly(T value) { put(std::move(value), false); }

  /// Called on the executor. True: from now on values of push_quietly() are scheduled like those of
  /// push(), including the ones that wait already.
  void schedule_all(bool at_once) {
    bool schedule = false;
    {
      MutexLock lock(mutex_);
      schedule_all_ = at_once;
      schedule = at_once && !values_.empty() && !std::exchange(scheduled_, true);
    }
    if (schedule) post();
  }

  /// Called on the executor: calls the handler with the values so far, even if there are none.
  void hand_over() {
    {
      MutexLock lock(mutex_);
      batch_.swap(values_);
      scheduled_ = false;
    }
    handler_(batch_);
    batch_.clear();
  }

 private:
  void put(T value, bool at_once) {
    bool schedule = false;
    {
      MutexLock lock(mutex_);
      values_.push_back(std::move(value));
      schedule = (at_once || schedule_all_) && !std::exchange(scheduled_, true);
    }
    if (schedule) post();
  }
  void post() {
    executor_.post([this] { hand_over(); });
  }

  Executor& executor_;
  const Handler handler_;
  Mutex mutex_;
  std::vector<T> values_ DM_GUARDED_BY(mutex_);
  bool scheduled_ DM_GUARDED_BY(mutex_) = false;
  bool schedule_all_ DM_GUARDED_BY(mutex_) = false;
  std::vector<T> batch_;  // used on the executor only; keeps its memory between bursts
};

}  // namespace dapr_mqtt::base
