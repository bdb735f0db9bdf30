#pragma once

#include <pthread.h>

#include <chrono>
#include <ctime>

namespace dapr_mqtt::testing {

/// A condition like that of Paho's send thread: waits have no predicate.
struct Condition {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

  /// Returns 0 or ETIMEDOUT. The timeout is in whole seconds.
  int wait(std::chrono::milliseconds patience) {
    timespec until{};
    ::clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience.count() / 1000;
    ::pthread_mutex_lock(&mutex);
    const int result = ::pthread_cond_timedwait(&condition, &mutex, &until);
    ::pthread_mutex_unlock(&mutex);
    return result;
  }
  void signal() {
    ::pthread_mutex_lock(&mutex);
    ::pthread_cond_signal(&condition);
    ::pthread_mutex_unlock(&mutex);
  }
};

}  // namespace dapr_mqtt::testing
