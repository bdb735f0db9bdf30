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
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId post_at(base::TimePoint when, Task task) override {
    timers_.emplace(std::pair{when, ++last_}, std::move(task));
    return last_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [&](const auto& t) { return t.first.second == timer; });
  }
  base::TimePoint now() const override { return now_; }

  /// Runs what is posted and due, and what that posts, without moving time.
  void run() {
    for (;;) {
      Task task;
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      } else if (!timers_.empty() && timers_.begin()->first.first <= now_) {
        // Taken only when it is its turn, so that what ran before could cancel it.
        task = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
      } else {
        return;
      }
      task();
    }
  }
  /// Moves time on, stopping at each timer on the way.
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
  std::deque<Task> tasks_;
  std::map<std::pair<base::TimePoint, TimerId>, Task> timers_;
  TimerId last_ = 0;
};

/// Wall time that goes along with a ManualExecutor's.
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
