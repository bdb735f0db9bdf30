// The C library's own functions, of which stand_ins.cpp has replacements of the same name.
#pragma once

#include <dlfcn.h>
#include <poll.h>

namespace dapr_mqtt::mqtt {

/// The next function of that name in the dynamic linker's search order after ours.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

inline int real_poll(pollfd* fds, nfds_t count, int timeout_ms) {
  static const auto function = next<int(pollfd*, nfds_t, int)>("poll");
  return function(fds, count, timeout_ms);
}

inline int real_close(int fd) {
  static const auto function = next<int(int)>("close");
  return function(fd);
}

}  // namespace dapr_mqtt::mqtt
