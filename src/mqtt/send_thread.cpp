#include "mqtt/send_thread.h"

#include <utility>

#include "mqtt/kept_writes.h"
#include "mqtt/paho_threads.h"
#include "mqtt/real_functions.h"

namespace dapr_mqtt::mqtt {
namespace {

thread_local bool runs_lent_work = false;

int real_cond_signal(pthread_cond_t* condition) {
  static const auto function = next<int(pthread_cond_t*)>("pthread_cond_signal");
  return function(condition);
}

int real_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto function =
      next<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  return function(condition, mutex, until);
}

}  // namespace

SendThread& send_thread() {
  static SendThread* const thread = new SendThread;
  return *thread;
}

bool SendThread::lend(std::function<void()> work) {
  pthread_cond_t* condition = condition_.load();
  if (condition == nullptr || !numbered_.load()) return false;
  pthread_mutex_t* mutex = mutex_.load();
  ::pthread_mutex_lock(mutex);
  work_.push_back(std::move(work));
  // Otherwise it is busy with commands, and checks work_ before it waits.
  if (waits_) real_cond_signal(condition);
  ::pthread_mutex_unlock(mutex);
  return true;
}

void SendThread::wake() {
  pthread_cond_t* condition = condition_.load();
  if (condition == nullptr) return;
  pthread_mutex_t* mutex = mutex_.load();
  ::pthread_mutex_lock(mutex);
  signalled_ = true;
  real_cond_signal(condition);
  ::pthread_mutex_unlock(mutex);
}

void SendThread::signalled(const pthread_cond_t* condition) {
  if (condition == condition_.load(std::memory_order_relaxed)) signalled_ = true;
}

int SendThread::wait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  if (condition_.load() != condition) {
    signalled_ = false;
    mutex_.store(mutex);
    condition_.store(condition);
  }
  int result = 0;
  flush_kept_writes();
  if (signalled_) {
    signals_remembered_.fetch_add(1, std::memory_order_relaxed);
  } else if (work_.empty()) {
    waits_ = true;
    result = real_cond_timedwait(condition, mutex, until);
    waits_ = false;
  }
  if (!work_.empty()) {
    do_work(mutex);
    result = 0;
  }
  signalled_ = false;
  return result;
}

/// On the send thread, which holds `mutex` before and after. The mutex is released meanwhile: the
/// work calls Paho, which takes it to signal.
void SendThread::do_work(pthread_mutex_t* mutex) {
  batch_.swap(work_);
  ::pthread_mutex_unlock(mutex);
  runs_lent_work = true;
  for (auto& work : batch_) {
    works_lent_.fetch_add(1, std::memory_order_relaxed);
    work();
  }
  runs_lent_work = false;
  batch_.clear();
  ::pthread_mutex_lock(mutex);
}

pthread_t SendThread::thread_number() {
  static char other = 0;
  if (runs_lent_work) return reinterpret_cast<pthread_t>(&other);
  // The first calls come from Paho's tracing, before a thread has set its name.
  if (!numbered_.load(std::memory_order_relaxed) && role_by_name() == PahoThread::kSend) {
    numbered_.store(true);
  }
  return ::pthread_self();
}

}  // namespace dapr_mqtt::mqtt
