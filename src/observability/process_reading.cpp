#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "dapr_mqtt/observability/metrics.h"

namespace dapr_mqtt::observability {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Reads fields 3 and later of /proc/self/stat (proc(5)). The second field, the name of the
/// executable, may hold any characters and ends at the last bracket.
void read_stat(ProcessReading& out) {
  std::ifstream in("/proc/self/stat");
  std::string line;
  if (!std::getline(in, line)) return;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  double cpu = 0;
  for (int n = 3; fields >> field; ++n) {
    const double number = std::strtod(field.c_str(), nullptr);
    if (n == 14 || n == 15) cpu += number;  // utime, stime
    if (n == 20) out.threads = number;
    if (n == 22) {
      out.cpu_seconds = cpu / ticks;
      // starttime is in ticks since boot. The time of boot is not read from /proc/stat,
      // which may be hidden (systemd's ProcSubset=pid).
      out.start_time_seconds =
          seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + number / ticks;
    }
    if (n == 24) out.resident_bytes = number * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }
}

}  // namespace

ProcessReading read_process() {
  ProcessReading out;
  read_stat(out);
  std::error_code error;
  std::size_t open = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++open;
  }
  if (!error && open > 0) out.open_fds = static_cast<double>(open - 1);  // minus the iterator's own
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = static_cast<double>(limit.rlim_cur);
  return out;
}

}  // namespace dapr_mqtt::observability
