// An Executor in virtual time: nothing runs until the test says so.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::testing {

/// Not thread-safe: for tests on one thread.
class ManualExecutor final : public base::Executor {
 public:
  void post(Task task) override { tasks_.push_back({std::move(task), false}); }
  void post_quick(Task task) override { tasks_.push_back({std::move(task), true}); }
  void enter(Task task) override { post_quick(std::move(task)); }
  bool may_block() const override { return may_block_; }
  TimerId post_at(base::TimePoint when, Task task) override {
    timers_.emplace(std::pair{when, ++last_}, std::move(task));
    return last_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [&](const auto& t) { return t.first.second == timer; });
  }
  base::TimePoint now() const override { return now_; }

  /// Runs all tasks that are posted or due, and those that they post, without moving time.
  void run() {
    while (run_one()) {
    }
  }
  /// Runs the next of these tasks; false: there is none.
  bool run_one() {
    Task task;
    if (!tasks_.empty()) {
      task = std::move(tasks_.front().run);
      tasks_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first.first <= now_) {
      // Taken only when it is its turn, so that an earlier task could cancel it.
      task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else {
      return false;
    }
    task();
    return true;
  }
  /// Runs quick tasks like a thread that called enter(): until a task is next that is not quick.
  void run_entered() {
    may_block_ = false;
    while (!tasks_.empty() && tasks_.front().quick) {
      const Task task = std::move(tasks_.front().run);
      tasks_.pop_front();
      task();
    }
    may_block_ = true;
  }
  bool has_task() const { return !tasks_.empty(); }
  /// Moves time forward, stopping at each timer on the way.
  void advance(base::Duration by) {
    const base::TimePoint end = now_ + by;
    run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = std::max(now_, timers_.begin()->first.first);
      run();
    }
    now_ = end;
    run();
  }
  bool has_timer() const { return !timers_.empty(); }

 private:
  base::TimePoint now_{std::chrono::hours(1)};
  struct Posted {
    Task run;
    bool quick;
  };
  std::deque<Posted> tasks_;
  bool may_block_ = true;
  std::map<std::pair<base::TimePoint, TimerId>, Task> timers_;
  TimerId last_ = 0;
};

/// A wall clock that moves with a ManualExecutor's time.
class ManualWallClock final : public base::WallClock {
 public:
  explicit ManualWallClock(const ManualExecutor& executor) : executor_(executor) {}
  base::WallTime now() const override {
    return base::WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(
        executor_.now().time_since_epoch() + std::chrono::hours(24 * 365 * 50)));
  }

 private:
  const ManualExecutor& executor_;
};

}  // namespace dapr_mqtt::testing
