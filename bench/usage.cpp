#include "usage.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace dapr_mqtt::bench {
namespace {

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

/// The number after `key` in a file of "key: number" lines; 0 without.
double number_after(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    double number = 0;
    if (word == key && file >> number) return number;
  }
  return 0;
}

}  // namespace

Usage usage_of(pid_t pid) {
  Usage usage;
  constexpr double kNanoseconds = 1e9;
  constexpr double kKibPerMib = 1024;
  const std::string status = folder_of(pid) + "/status";
  usage.memory_mib = number_after(status, "VmRSS:") / kKibPerMib;
  usage.peak_mib = number_after(status, "VmHWM:") / kKibPerMib;
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator(folder_of(pid) + "/task", failed)) {
    // Nanoseconds on a processor; /stat has hundredths of a second only.
    double ran = 0;
    std::ifstream(task.path() / "schedstat") >> ran;
    usage.cpu_seconds += ran / kNanoseconds;
    usage.wakeups += static_cast<long>(
        number_after(task.path() / "status", "voluntary_ctxt_switches:"));
  }
  return usage;
}

Measurement cost(const Usage& before, const Usage& after, int messages) {
  constexpr double kMillion = 1e6;
  return {{"cpu", (after.cpu_seconds - before.cpu_seconds) * kMillion / messages},
          {"peak", after.peak_mib}};
}

void forget_peak(pid_t pid) { std::ofstream(folder_of(pid) + "/clear_refs") << 5; }

}  // namespace dapr_mqtt::bench
