#include "usage.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dapr_mqtt::bench {
namespace {

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::string content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

double cpu_seconds_of(pid_t pid) {
  clockid_t clock{};
  timespec ran{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &ran) != 0) return 0;
  constexpr double kNanoseconds = 1e9;
  return static_cast<double>(ran.tv_sec) + static_cast<double>(ran.tv_nsec) / kNanoseconds;
}

/// By the threads' names.
std::map<std::string, Switches> switches_by_thread(const Usage& before, const Usage& after) {
  std::map<std::string, Switches> sums;
  for (const auto& [thread, now] : after.threads) {
    const auto then = before.threads.find(thread);
    const Switches had = then == before.threads.end() ? Switches() : then->second;
    Switches& sum = sums[now.thread];
    sum.voluntary += now.voluntary - had.voluntary;
    sum.involuntary += now.involuntary - had.involuntary;
  }
  return sums;
}

}  // namespace

double number_after(const std::string& text, const std::string& key) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    double number = 0;
    if (word == key && words >> number) return number;
  }
  return 0;
}

Usage usage_of(pid_t pid) {
  Usage usage;
  constexpr double kKibPerMib = 1024;
  const std::string status = content(folder_of(pid) + "/status");
  usage.memory_mib = number_after(status, "VmRSS:") / kKibPerMib;
  usage.peak_mib = number_after(status, "VmHWM:") / kKibPerMib;
  usage.cpu_seconds = cpu_seconds_of(pid);
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator(folder_of(pid) + "/task", failed)) {
    const std::string of_thread = content(task.path() / "status");
    Switches& switches = usage.threads[std::atoi(task.path().filename().c_str())];
    std::getline(std::ifstream(task.path() / "comm"), switches.thread);
    switches.voluntary = static_cast<long>(number_after(of_thread, "voluntary_ctxt_switches:"));
    switches.involuntary =
        static_cast<long>(number_after(of_thread, "nonvoluntary_ctxt_switches:"));
  }
  return usage;
}

Switches switches_between(const Usage& before, const Usage& after) {
  Switches sum;
  for (const auto& [name, switches] : switches_by_thread(before, after)) {
    sum.voluntary += switches.voluntary;
    sum.involuntary += switches.involuntary;
  }
  return sum;
}

Measurement cost(const Usage& before, const Usage& after, int messages) {
  constexpr double kMillion = 1e6;
  const Switches switches = switches_between(before, after);
  const auto each = [messages](long count) { return static_cast<double>(count) / messages; };
  Measurement out = {{"cpu", (after.cpu_seconds - before.cpu_seconds) * kMillion / messages},
                     {"switches", each(switches.voluntary + switches.involuntary)},
                     {"voluntary", each(switches.voluntary)},
                     {"peak", after.peak_mib}};
  const auto by_thread = switches_by_thread(before, after);
  if (by_thread.size() < 2) return out;
  for (const auto& [name, of_thread] : by_thread) {
    out["switches of " + name] = each(of_thread.voluntary + of_thread.involuntary);
  }
  return out;
}

void forget_peak(pid_t pid) { std::ofstream(folder_of(pid) + "/clear_refs") << 5; }

}  // namespace dapr_mqtt::bench
