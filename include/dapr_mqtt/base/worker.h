#pragma once

#include <condition_variable>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/spare_thread.h"

namespace dapr_mqtt::base {

/// An Executor with one thread of its own, and the help of another, if it has one: what
/// is posted while its own thread sleeps runs there when that one has time. Tasks run one
/// at a time all the same; timers, on its own thread alone.
///
/// Thread safety: all methods from any thread, but stop() and the destructor
/// not from one of its own tasks (they join). Ownership: whoever makes it stops
/// it before the things its tasks use go away.
class Worker final : public Executor {
 public:
  /// `name` is the thread's name in ps and gdb (15 characters are shown). `spare` (null:
  /// none) outlives this.
  explicit Worker(std::string name, SpareThread* spare = nullptr);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(Task task) override;
  TimerId post_at(TimePoint when, Task task) override;
  void cancel(TimerId timer) override;
  TimePoint now() const override { return std::chrono::steady_clock::now(); }

  /// Runs what was posted before this call, drops the timers, then ends and
  /// joins the thread. Later posts are dropped. Safe to call again, but not from
  /// two threads at once.
  void stop();

  /// True on this worker's own thread: for assertions.
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  using TimerKey = std::pair<TimePoint, TimerId>;

  void run();
  /// Waits until there is something to do, and moves all posted tasks into
  /// `batch`. False when it is time to end.
  bool wait_for_work(std::vector<Task>& batch);
  /// The earliest timer, if it is due; else null.
  Task take_due_timer();
  void run_lent();
  bool timer_is_due() const DM_REQUIRES(mutex_);

  SpareThread* const spare_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<Task> tasks_ DM_GUARDED_BY(mutex_);
  std::map<TimerKey, Task> timers_ DM_GUARDED_BY(mutex_);
  std::unordered_map<TimerId, TimePoint> timer_times_ DM_GUARDED_BY(mutex_);
  TimerId last_timer_ DM_GUARDED_BY(mutex_) = 0;
  bool stopping_ DM_GUARDED_BY(mutex_) = false;
  bool idle_ DM_GUARDED_BY(mutex_) = false;  // waiting: a post has to wake it
  bool lent_ DM_GUARDED_BY(mutex_) = false;  // the spare thread runs the tasks, or is about to
  std::vector<Task> lent_batch_;             // the spare thread's alone
  std::thread thread_;  // last: starts when all else is made
};

}  // namespace dapr_mqtt::base
