// Makes the system run out of threads, for one test program. To be included by only one of its
// files, since it defines a replacement for the C library's pthread_create. Not with the thread
// sanitizer, which has a replacement of its own.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

namespace dapr_mqtt::testing {

inline std::atomic<bool> has_threads = true;

}  // namespace dapr_mqtt::testing

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) {
  using Function = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static auto* const real = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, "pthread_create"));
  return dapr_mqtt::testing::has_threads ? real(thread, attributes, run, argument) : EAGAIN;
}
