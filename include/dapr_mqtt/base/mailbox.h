#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::base {

/// Hands values from any thread to one executor, in order and in batches: a
/// burst costs one posted task, not one a value. Who pushes bounds the number.
///
/// Lifetime: the executor is stopped before the mailbox goes, since a posted
/// task refers to it.
template <typename T>
class Mailbox {
 public:
  /// `handler` runs on the executor with what has come; it may move from the values.
  using Handler = std::function<void(std::vector<T>&)>;

  Mailbox(Executor& executor, Handler handler)
      : executor_(executor), handler_(std::move(handler)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void push(T value) {
    bool schedule = false;
    {
      MutexLock lock(mutex_);
      values_.push_back(std::move(value));
      schedule = !std::exchange(scheduled_, true);
    }
    if (schedule) {
      executor_.post([this] { hand_over(); });
    }
  }

 private:
  void hand_over() {
    {
      MutexLock lock(mutex_);
      batch_.swap(values_);
      scheduled_ = false;
    }
    handler_(batch_);
    batch_.clear();
  }

  Executor& executor_;
  const Handler handler_;
  Mutex mutex_;
  std::vector<T> values_ DM_GUARDED_BY(mutex_);
  bool scheduled_ DM_GUARDED_BY(mutex_) = false;
  std::vector<T> batch_;  // the executor's alone; keeps its memory between bursts
};

}  // namespace dapr_mqtt::base
