#include "dapr_mqtt/base/worker.h"

#include <pthread.h>

namespace dapr_mqtt::base {
namespace {

/// After so many batches the spare thread gets back to its own business.
constexpr int kLentBatches = 8;

void run_all(std::vector<Executor::Task>& batch) {
  for (Executor::Task& task : batch) {
    task();
    task = nullptr;  // what it holds goes now, not when the batch ends
  }
  batch.clear();
}

}  // namespace

Worker::Worker(std::string name, SpareThread* spare)
    : spare_(spare), thread_([this, name = name.substr(0, 15)] {
        pthread_setname_np(pthread_self(), name.c_str());
        run();
      }) {}

Worker::~Worker() { stop(); }

void Worker::post(Task task) {
  bool wake = false;
  bool lend = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    if (lent_) return;  // whoever has them takes this one too
    lend = idle_ && spare_ != nullptr;
    if (lend) {
      lent_ = true;
    } else {
      wake = std::exchange(idle_, false);
    }
  }
  if (lend && !spare_->lend([this] { run_lent(); })) {
    MutexLock lock(mutex_);
    lent_ = false;
    idle_ = false;
    wake = true;
  }
  if (wake) wake_.notify_one();
}

void Worker::run_lent() {
  for (int batches = 0;; ++batches) {
    {
      MutexLock lock(mutex_);
      if (tasks_.empty() || batches == kLentBatches) {
        lent_ = false;
        // Our own thread may have waited for this. Under the lock: as soon as it is
        // let go, this worker may be gone.
        if (!tasks_.empty() || stopping_ || timer_is_due()) {
          idle_ = false;
          wake_.notify_one();
        }
        return;
      }
      lent_batch_.swap(tasks_);
    }
    run_all(lent_batch_);
  }
}

Executor::TimerId Worker::post_at(TimePoint when, Task task) {
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

void Worker::cancel(TimerId timer) {
  Task dropped;  // destroyed outside the lock: it may own anything
  MutexLock lock(mutex_);
  const auto it = timer_times_.find(timer);
  if (it == timer_times_.end()) return;
  auto node = timers_.extract(TimerKey{it->second, timer});
  timer_times_.erase(it);
  if (!node.empty()) dropped = std::move(node.mapped());
}

void Worker::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    idle_ = false;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  // What pending timers hold goes now, while what they refer to is still there.
  std::map<TimerKey, Task> dropped;
  {
    MutexLock lock(mutex_);
    dropped.swap(timers_);
    timer_times_.clear();
  }
}

bool Worker::timer_is_due() const {
  return !timers_.empty() && timers_.begin()->first.first <= now();
}

bool Worker::wait_for_work(std::vector<Task>& batch) {
  MutexLock lock(mutex_);
  while (lent_ || tasks_.empty()) {
    if (!lent_ && stopping_) return false;
    if (!lent_ && timer_is_due()) break;
    idle_ = true;
    // While the tasks are lent, whoever has them wakes us for what is due by then.
    if (timers_.empty() || (lent_ && timer_is_due())) {
      wake_.wait(mutex_);
    } else {
      wake_.wait_until(mutex_, timers_.begin()->first.first);
    }
    idle_ = false;
  }
  batch.swap(tasks_);
  return true;
}

Executor::Task Worker::take_due_timer() {
  MutexLock lock(mutex_);
  if (stopping_ || !timer_is_due()) return nullptr;
  auto node = timers_.extract(timers_.begin());
  timer_times_.erase(node.key().second);
  return std::move(node.mapped());
}

void Worker::run() {
  std::vector<Task> batch;
  while (wait_for_work(batch)) {
    run_all(batch);
    // One by one, each taken only when it is its turn: the task before it may
    // still cancel it. And one a round, so that neither kind starves the other.
    if (const Task timer = take_due_timer()) timer();
  }
}

}  // namespace dapr_mqtt::base
