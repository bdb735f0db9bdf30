#pragma once

#include <memory>
#include <string>
#include <thread>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/spare_thread.h"

namespace dapr_mqtt::base {

/// An Executor with one thread of its own. Other threads may run its tasks too: those that call
/// enter(), for quick tasks, and a spare thread, if one is given. What is posted while the own
/// thread sleeps runs on the spare thread as soon as that one gets to it. Tasks still run one at a
/// time. Timers run on the own thread only; without a spare thread, so do tasks that are not quick.
///
/// Another thread runs no more than a few rounds of tasks; then the own thread continues.
///
/// Thread safety: all methods from any thread, except that stop() and the destructor must not run
/// in one of its own tasks (they join). Ownership: the owner stops it before the things its tasks
/// use are destroyed. A Batch that ends after that does no harm.
class Worker final : public Executor {
 public:
  /// `name` is the thread's name in ps and gdb (15 characters are shown). `spare` (null:
  /// none) outlives this.
  explicit Worker(std::string name, SpareThread* spare = nullptr);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(Task task) override;
  void post_quick(Task task) override;
  void enter(Task task) override;
  bool may_block() const override { return is_current(); }
  TimerId post_at(TimePoint when, Task task) override;
  void cancel(TimerId timer) override;
  TimePoint now() const override { return std::chrono::steady_clock::now(); }

  /// Runs what was posted before this call, waits until no other thread runs tasks, ends and joins
  /// the own thread, and drops the timers. Later posts are dropped. Safe to call again, but not
  /// from two threads at once.
  void stop();

  /// True on this worker's own thread: for assertions.
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  class Core;

  const std::shared_ptr<Core> core_;  // shared with batches that have not ended
  std::thread thread_;                // last: starts when all else is made
};

}  // namespace dapr_mqtt::base
