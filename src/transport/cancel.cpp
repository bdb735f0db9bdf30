#include "dapr_mqtt/transport/cancel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace dapr_mqtt::transport {

Cancel::Cancel() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Cancel::set() {
  set_.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(event_.get(), &one, sizeof one);
}

void Cancel::reset() {
  set_.store(false);
  std::uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t size = ::read(event_.get(), &ignored, sizeof ignored);
}

}  // namespace dapr_mqtt::transport
