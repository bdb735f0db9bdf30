// Mutex and condition variable with clang's thread safety annotations
// (checked by the `clang` preset; no effect in other compilers).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define DAPR_MQTT_ANNOTATE(x) __attribute__((x))
#else
#define DAPR_MQTT_ANNOTATE(x)
#endif

#define DM_CAPABILITY(x) DAPR_MQTT_ANNOTATE(capability(x))
#define DM_SCOPED_CAPABILITY DAPR_MQTT_ANNOTATE(scoped_lockable)
#define DM_GUARDED_BY(x) DAPR_MQTT_ANNOTATE(guarded_by(x))
#define DM_REQUIRES(...) DAPR_MQTT_ANNOTATE(requires_capability(__VA_ARGS__))
#define DM_EXCLUDES(...) DAPR_MQTT_ANNOTATE(locks_excluded(__VA_ARGS__))
#define DM_ACQUIRE(...) DAPR_MQTT_ANNOTATE(acquire_capability(__VA_ARGS__))
#define DM_RELEASE(...) DAPR_MQTT_ANNOTATE(release_capability(__VA_ARGS__))
#define DM_NO_THREAD_SAFETY_ANALYSIS DAPR_MQTT_ANNOTATE(no_thread_safety_analysis)

namespace dapr_mqtt::base {

class DM_CAPABILITY("mutex") Mutex {
 public:
  void lock() DM_ACQUIRE() { mutex_.lock(); }
  void unlock() DM_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds the mutex for its scope, which must be short: no I/O, no waiting, and no call of code that
/// may do either or lock the same mutex again (callbacks, receipts). A mutex that breaks this rule
/// says so where it is declared, and why. Log lines may be written under the lock (Logger).
class DM_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) DM_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() DM_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// The caller waits in a predicate loop (while (!ready) cv.wait(mutex)), so that the analysis sees
/// what the lock guards.
class CondVar {
 public:
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

  void wait(Mutex& mutex) DM_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }

  /// False when `deadline` passed first.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) DM_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }

 private:
  std::condition_variable cv_;
};

}  // namespace dapr_mqtt::base
