#include "dapr_mqtt/base/worker.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/batch.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::base {
namespace {

/// After this many rounds, another thread that runs tasks returns to its own work.
constexpr int kRoundsOutside = 8;

}  // namespace

class Worker::Core final : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(SpareThread* spare) : spare_(spare) {}

  void post(Task task, bool quick);
  void enter(Task task);
  TimerId post_at(TimePoint when, Task task);
  void cancel(TimerId timer);
  void run();
  /// The thread ends when what was posted has run.
  void end();
  void drop_timers();

 private:
  using TimerKey = std::pair<TimePoint, TimerId>;
  struct Posted {
    Task run;
    bool quick = false;
  };

  static void run_all(std::vector<Posted>& batch);
  /// Waits until there is something to do, and moves all posted tasks into
  /// `batch`. False when it is time to end.
  bool wait_for_work(std::vector<Posted>& batch);
  /// The earliest timer, if it is due; else null.
  Task take_due_timer();
  bool timer_is_due() const DM_REQUIRES(mutex_);
  void wake_own_thread() DM_REQUIRES(mutex_);
  /// Called on a thread that called enter(): runs quick tasks if no thread runs tasks now.
  void run_entered();
  enum class Kind { kQuick, kAll };
  /// Called by the thread that has set outside_; clears it when done.
  void run_outside(Kind kind);
  /// Moves the tasks of this kind at the front of the queue into outside_batch_.
  void take_outside(Kind kind) DM_REQUIRES(mutex_);

  SpareThread* const spare_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<Posted> tasks_ DM_GUARDED_BY(mutex_);
  std::map<TimerKey, Task> timers_ DM_GUARDED_BY(mutex_);
  std::unordered_map<TimerId, TimePoint> timer_times_ DM_GUARDED_BY(mutex_);
  TimerId last_timer_ DM_GUARDED_BY(mutex_) = 0;
  bool stopping_ DM_GUARDED_BY(mutex_) = false;
  bool idle_ DM_GUARDED_BY(mutex_) = false;     // the own thread waits: a post has to wake it
  bool outside_ DM_GUARDED_BY(mutex_) = false;  // another thread runs the tasks, or is about to
  /// The own thread waits without a time limit, until outside_ is false.
  bool waits_for_outside_ DM_GUARDED_BY(mutex_) = false;
  std::vector<Posted> outside_batch_;  // used by that thread only
};

void Worker::Core::run_all(std::vector<Posted>& batch) {
  std::optional<Batch> together;
  for (Posted& task : batch) {
    // Work that was put off must not wait for a task that may take long.
    if (!task.quick || !together) together.emplace();
    task.run();
    task.run = nullptr;  // frees what the task holds now, not when the batch ends
  }
  batch.clear();
}

void Worker::Core::wake_own_thread() {
  idle_ = false;
  wake_.notify_one();
}

void Worker::Core::post(Task task, bool quick) {
  bool wake = false;
  bool lend = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back({std::move(task), quick});
    if (outside_) return;  // the thread that runs tasks takes this one too, or wakes the own one
    lend = idle_ && spare_ != nullptr;
    if (lend) {
      outside_ = true;
    } else {
      wake = std::exchange(idle_, false);
    }
  }
  if (lend && !spare_->lend([self = shared_from_this()] { self->run_outside(Kind::kAll); })) {
    MutexLock lock(mutex_);
    outside_ = false;
    idle_ = false;
    wake = true;
  }
  if (wake) wake_.notify_one();
}

void Worker::Core::enter(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back({std::move(task), true});
    if (outside_ || !idle_) return;  // the thread that runs tasks takes this one too
  }
  try {
    if (Batch::put_off(this, [self = shared_from_this()] { self->run_entered(); })) return;
  } catch (const std::bad_alloc&) {  // run it now, without waiting for the end of the batch
  }
  run_entered();
}

void Worker::Core::run_entered() {
  {
    MutexLock lock(mutex_);
    if (outside_ || !idle_ || tasks_.empty()) return;
    if (!tasks_.front().quick) return wake_own_thread();
    outside_ = true;
  }
  run_outside(Kind::kQuick);
}

void Worker::Core::run_outside(Kind kind) {
  for (int rounds = 0;; ++rounds) {
    {
      MutexLock lock(mutex_);
      if (rounds < kRoundsOutside) take_outside(kind);
      if (outside_batch_.empty()) {
        outside_ = false;
        // The own thread may be waiting until outside_ is false.
        if (!tasks_.empty() || stopping_ ||
            (waits_for_outside_ ? !timers_.empty() : timer_is_due())) {
          wake_own_thread();
        }
        return;
      }
    }
    run_all(outside_batch_);
  }
}

void Worker::Core::take_outside(Kind kind) {
  const auto end = kind == Kind::kAll ? tasks_.end()
                                      : std::find_if(tasks_.begin(), tasks_.end(),
                                                     [](const Posted& t) { return !t.quick; });
  if (end == tasks_.end()) return outside_batch_.swap(tasks_);
  outside_batch_.assign(std::make_move_iterator(tasks_.begin()), std::make_move_iterator(end));
  tasks_.erase(tasks_.begin(), end);
}

Executor::TimerId Worker::Core::post_at(TimePoint when, Task task) {
  TimerId id = 0;
  bool wake = false;
  {
    MutexLock lock(mutex_);
    id = ++last_timer_;
    if (stopping_) return id;
    const auto it = timers_.emplace(TimerKey{when, id}, std::move(task)).first;
    timer_times_.emplace(id, when);
    // Only a timer that has become the earliest shortens the wait.
    if (it == timers_.begin()) wake = std::exchange(idle_, false);
  }
  if (wake) wake_.notify_one();
  return id;
}

void Worker::Core::cancel(TimerId timer) {
  Task dropped;  // destroyed outside the lock: it may own anything
  MutexLock lock(mutex_);
  const auto it = timer_times_.find(timer);
  if (it == timer_times_.end()) return;
  auto node = timers_.extract(TimerKey{it->second, timer});
  timer_times_.erase(it);
  if (!node.empty()) dropped = std::move(node.mapped());
}

void Worker::Core::end() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    idle_ = false;
  }
  wake_.notify_one();
}

void Worker::Core::drop_timers() {
  std::map<TimerKey, Task> dropped;
  MutexLock lock(mutex_);
  dropped.swap(timers_);
  timer_times_.clear();
}

bool Worker::Core::timer_is_due() const {
  return !timers_.empty() && timers_.begin()->first.first <= std::chrono::steady_clock::now();
}

bool Worker::Core::wait_for_work(std::vector<Posted>& batch) {
  MutexLock lock(mutex_);
  while (outside_ || tasks_.empty()) {
    if (!outside_ && stopping_) return false;
    if (!outside_ && timer_is_due()) break;
    idle_ = true;
    // A timer that is due waits until the other thread has run its tasks; that thread wakes this one
    // then, even if it has cancelled that timer, since there may be later ones.
    waits_for_outside_ = outside_ && timer_is_due();
    if (timers_.empty() || waits_for_outside_) {
      wake_.wait(mutex_);
    } else {
      wake_.wait_until(mutex_, timers_.begin()->first.first);
    }
    idle_ = false;
    waits_for_outside_ = false;
  }
  batch.swap(tasks_);
  return true;
}

Executor::Task Worker::Core::take_due_timer() {
  MutexLock lock(mutex_);
  if (stopping_ || !timer_is_due()) return nullptr;
  auto node = timers_.extract(timers_.begin());
  timer_times_.erase(node.key().second);
  return std::move(node.mapped());
}

void Worker::Core::run() {
  std::vector<Posted> batch;
  while (wait_for_work(batch)) {
    run_all(batch);
    // A timer is taken only when it is its turn, since the task before it may
    // still cancel it. One timer each round: neither kind starves the other.
    if (const Task timer = take_due_timer()) {
      const Batch together;
      timer();
    }
  }
}

Worker::Worker(std::string name, SpareThread* spare)
    : core_(std::make_shared<Core>(spare)), thread_([core = core_, name = name.substr(0, 15)] {
        pthread_setname_np(pthread_self(), name.c_str());
        core->run();
      }) {}

Worker::~Worker() { stop(); }

void Worker::post(Task task) { core_->post(std::move(task), false); }

void Worker::post_quick(Task task) { core_->post(std::move(task), true); }

void Worker::enter(Task task) { core_->enter(std::move(task)); }

Executor::TimerId Worker::post_at(TimePoint when, Task task) {
  return core_->post_at(when, std::move(task));
}

void Worker::cancel(TimerId timer) { core_->cancel(timer); }

void Worker::stop() {
  core_->end();
  if (thread_.joinable()) thread_.join();
  // Destroys the timers' tasks now, while the things they refer to still exist.
  core_->drop_timers();
}

}  // namespace dapr_mqtt::base
