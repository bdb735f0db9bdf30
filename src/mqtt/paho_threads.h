// Whose call is it? What the functions that stand between Paho and the C library
// (paho_shims.cpp) go by.
#pragma once

#include <dlfcn.h>

namespace dapr_mqtt::mqtt::shims {

enum class Caller { kUnknown, kOther, kSend, kReceive };

/// By the names that Paho gives its two threads (the same from 1.3.12 to master).
Caller caller_by_name();

/// The same, looked up once for each thread: for what Paho calls after its threads
/// have named themselves, so that the first answer stays right.
inline Caller caller() {
  static thread_local Caller known = Caller::kUnknown;
  if (known == Caller::kUnknown) known = caller_by_name();
  return known;
}

/// Ends the receive thread's wait.
void wake_receive_thread();
/// Readable from then on, until drain_wake_fd().
int wake_fd();
void drain_wake_fd();

/// The function of that name that comes after ours.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace dapr_mqtt::mqtt::shims
