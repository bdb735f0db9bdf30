// Paho's send thread: fixes its lost wake-ups, and lets it run work for others.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <vector>

#include "dapr_mqtt/base/spare_thread.h"

namespace dapr_mqtt::mqtt {

/// Paho's send thread looks for commands, then waits on a condition without a predicate: a signal
/// between the two is lost, and the publish waits 1 s (about one in 15,000). This class remembers a
/// signal on that condition until the next wait. Paho holds the condition's mutex in both places, so
/// that mutex guards signalled_ too.
///
/// Before that thread waits, it can also run work of ours: a publish has to wake it in any case, so
/// publishing there wakes one thread instead of two. Such work may call Paho. On its own two threads
/// Paho takes no lock, since it assumes that it is called in a callback, under the lock. So while the
/// thread runs our work, thread_number() returns another number. If Paho does not call our function
/// for the number (Thread_getid of 1.3.12, Paho_thread_getid from 1.3.13 on), lend() returns false.
///
/// One for the process, as Paho's thread is. Never destroyed. Thread-safe.
class SendThread final : public base::SpareThread {
 public:
  bool lend(std::function<void()> work) override;
  /// Wakes the thread to look for commands.
  void wake();

  // Called by the stand-ins.

  /// For pthread_cond_timedwait on the send thread itself.
  int wait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until);
  /// For pthread_cond_signal on any thread.
  void signalled(const pthread_cond_t* condition);
  /// For Thread_getid and Paho_thread_getid on any thread.
  pthread_t thread_number();

  /// For tests.
  struct Counters {
    std::uint64_t signals_remembered = 0;  ///< wake-ups that would have been lost
    std::uint64_t works_lent = 0;
  };
  Counters counters() const { return {signals_remembered_.load(), works_lent_.load()}; }

 private:
  friend SendThread& send_thread();
  SendThread() = default;

  using Works = std::vector<std::function<void()>>;
  void do_work(pthread_mutex_t* mutex);

  // Set when the thread waits for the first time (10 ms after its start). The mutex is stored
  // first: a thread that sees the condition also sees its mutex.
  std::atomic<pthread_mutex_t*> mutex_{nullptr};
  std::atomic<pthread_cond_t*> condition_{nullptr};
  std::atomic<bool> numbered_{false};  ///< Paho has asked for the send thread's number

  // Guarded by *mutex_.
  bool signalled_ = false;
  bool waits_ = false;
  Works work_;
  Works batch_;  ///< used by the send thread only; a member to reuse its memory

  std::atomic<std::uint64_t> signals_remembered_{0};
  std::atomic<std::uint64_t> works_lent_{0};
};

SendThread& send_thread();

}  // namespace dapr_mqtt::mqtt
