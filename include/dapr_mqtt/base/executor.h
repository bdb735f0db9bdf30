// Where single-threaded code runs: tasks one after the other, and timers.
// Worker is the real one (a thread); tests use ManualExecutor in virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace dapr_mqtt::base {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;  ///< monotonic

/// Runs tasks one at a time, in the order they were posted; each task sees all that the earlier
/// ones did. So data that only tasks of one executor touch needs no lock.
/// post, post_quick, post_at, cancel and now may be called from any thread, never block,
/// and never run the task inside the call. Tasks must not throw. Tasks of a shared executor may
/// wait for a disk, and for nothing else. An object with an executor of its own (a connection, a
/// reaper, a healer) says how long its tasks may block.
///
/// A quick task never waits, not even for a disk. So it may run on the thread that calls enter(),
/// and the executor's own thread need not be woken.
class Executor {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  ///< never 0

  virtual ~Executor() = default;

  /// Tasks posted after the executor was stopped are dropped and never run.
  virtual void post(Task task) = 0;
  /// Like post(), for a quick task.
  virtual void post_quick(Task task) { post(std::move(task)); }
  /// Posts a quick task. If no task is running, it also runs this task and other quick ones on the
  /// calling thread, for a bounded time: inside the call, or when this thread's open Batch ends. If
  /// a task is running already, or one that is not quick comes first, the thread that runs that
  /// task runs this one too. Never waits. Call it with no lock held, or within a Batch that ends
  /// after the lock is released, and not from code that these tasks call.
  virtual void enter(Task task) { post(std::move(task)); }
  /// Called inside a task: whether it may wait for a disk. A quick task must ask before it does.
  virtual bool may_block() const { return true; }
  /// Runs `task` at `when`, or at once if that has passed.
  virtual TimerId post_at(TimePoint when, Task task) = 0;
  /// Drops the timer's task if it has not begun. Unknown ids are ignored.
  virtual void cancel(TimerId timer) = 0;
  virtual TimePoint now() const = 0;
};

}  // namespace dapr_mqtt::base
