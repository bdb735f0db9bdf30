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

  void push(T value) { put(std::move(value), true); }

  /// Like push, for what can wait until something else comes, or attend(true).
  void push_quietly(T value) { put(std::move(value), false); }

  /// On the executor: whether what is pushed quietly is handed over at once from now on,
  /// what lies there included.
  void attend(bool at_once) {
    bool schedule = false;
    {
      MutexLock lock(mutex_);
      attends_ = at_once;
      schedule = at_once && !values_.empty() && !std::exchange(scheduled_, true);
    }
    if (schedule) post();
  }

  /// On the executor: calls the handler with what is there, be it nothing.
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
      schedule = (at_once || attends_) && !std::exchange(scheduled_, true);
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
  bool attends_ DM_GUARDED_BY(mutex_) = false;
  std::vector<T> batch_;  // the executor's alone; keeps its memory between bursts
};

}  // namespace dapr_mqtt::base
