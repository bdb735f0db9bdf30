// Where single-threaded code runs: tasks one after the other, and timers.
// Worker is the real one (a thread); tests use ManualExecutor in virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace dapr_mqtt::base {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;  ///< monotonic

/// Runs tasks one at a time, in the order they were posted, each on the same
/// logical thread: what only tasks of one executor touch needs no lock.
/// post, post_at, cancel and now may be called from any thread, never block,
/// and never run the task inside the call. Tasks must not block or throw.
class Executor {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  ///< never 0

  virtual ~Executor() = default;

  /// Tasks posted after the executor was stopped are dropped unrun.
  virtual void post(Task task) = 0;
  /// Runs `task` when `when` has come, or at once when it has passed.
  virtual TimerId post_at(TimePoint when, Task task) = 0;
  /// The task will not run, if it has not begun. Unknown ids are ignored.
  virtual void cancel(TimerId timer) = 0;
  virtual TimePoint now() const = 0;
};

}  // namespace dapr_mqtt::base
