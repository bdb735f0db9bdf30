// What a process has cost so far, as Linux counts it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "measurement.h"

namespace dapr_mqtt::bench {

/// Context switches of a thread.
struct Switches {
  long voluntary = 0;    ///< it had to wait for something
  long involuntary = 0;  ///< another one got its processor
  std::string thread{};  ///< its name
};

struct Usage {
  double cpu_seconds = 0;             ///< of all its threads, also of those that have ended
  double memory_mib = 0;              ///< resident now
  double peak_mib = 0;                ///< the most that was resident
  std::map<pid_t, Switches> threads;  ///< those that there are
};

/// Of a process that runs; zeros for one that does not.
Usage usage_of(pid_t pid);

/// Of all threads from one look to the next. What a thread did that ended in between is
/// not known: neither it, nor what it had before, is counted.
Switches switches_between(const Usage& before, const Usage& after);

/// "cpu", "switches", "voluntary" and "peak" of what went on between the two, for so many
/// messages; and "switches of NAME" for the threads of that name, where several names are.
Measurement cost(const Usage& before, const Usage& after, int messages);

/// Makes `peak_mib` begin anew at what is resident now.
void forget_peak(pid_t pid);

/// The number after `key` in text made of "key: number" lines, as in /proc/PID/status; 0 without.
double number_after(const std::string& text, const std::string& key);

}  // namespace dapr_mqtt::bench
