#include "system_calls.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace dapr_mqtt::bench {
namespace {

/// The trace point's number; 0 when it is not to be had.
std::uint64_t trace_point() {
  for (const char* folder : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::uint64_t id = 0;
    if (std::ifstream(std::string(folder) + "/events/raw_syscalls/sys_enter/id") >> id) return id;
  }
  return 0;
}

int open_counter(pid_t thread) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_TRACEPOINT;
  event.config = trace_point();
  event.inherit = 1;  // threads that it starts
  return static_cast<int>(
      ::syscall(SYS_perf_event_open, &event, thread, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

std::optional<std::string> SystemCalls::why_unavailable() {
  if (trace_point() == 0) {
    return "no trace point raw_syscalls:sys_enter (tracefs is not mounted at "
           "/sys/kernel/tracing, or only root may read it)";
  }
  const base::UniqueFd counter(open_counter(0));
  if (counter.get() < 0) return std::string("perf_event_open: ") + std::strerror(errno);
  return std::nullopt;
}

SystemCalls::SystemCalls(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator(tasks, failed)) {
    base::UniqueFd counter(open_counter(std::atoi(task.path().filename().c_str())));
    if (counter.get() >= 0) counters_.push_back(std::move(counter));
  }
  if (counters_.empty()) throw std::runtime_error("system calls cannot be counted");
}

long SystemCalls::so_far() const {
  long sum = 0;
  for (const base::UniqueFd& counter : counters_) {
    std::uint64_t count = 0;
    if (::read(counter.get(), &count, sizeof count) == sizeof count) {
      sum += static_cast<long>(count);
    }
  }
  return sum;
}

}  // namespace dapr_mqtt::bench
