#include "mqtt/paho_threads.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace dapr_mqtt::mqtt::shims {

Caller caller_by_name() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return std::strcmp(name, "MQTTAsync_send") == 0  ? Caller::kSend
         : std::strcmp(name, "MQTTAsync_rcv") == 0 ? Caller::kReceive
                                                   : Caller::kOther;
}

int wake_fd() {
  static const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd;
}

void wake_receive_thread() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(wake_fd(), &one, sizeof one);
}

void drain_wake_fd() {
  std::uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t size = ::read(wake_fd(), &ignored, sizeof ignored);
}

}  // namespace dapr_mqtt::mqtt::shims
