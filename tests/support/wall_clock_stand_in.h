// Sets the wall clock for one test program. To be included by only one of its files, since it
// defines a replacement for the C library's clock_gettime.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

namespace dapr_mqtt::testing {

inline std::atomic<std::time_t> wall_jump = 0;  ///< seconds

}  // namespace dapr_mqtt::testing

extern "C" int clock_gettime(clockid_t id, std::timespec* time) noexcept {
  const auto code = static_cast<int>(::syscall(SYS_clock_gettime, id, time));
  if (code == 0 && id == CLOCK_REALTIME) time->tv_sec += dapr_mqtt::testing::wall_jump;
  return code;
}
