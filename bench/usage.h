// What a process has cost so far, as Linux counts it.
#pragma once

#include <sys/types.h>

#include "measurement.h"

namespace dapr_mqtt::bench {

struct Usage {
  double cpu_seconds = 0;   ///< of all its threads, in user space and in the kernel
  double memory_mib = 0;    ///< resident now
  double peak_mib = 0;      ///< the most that was resident
  long wakeups = 0;         ///< times that a thread of it had slept and ran again
};

/// Of a process that runs; zeros for one that does not.
Usage usage_of(pid_t pid);

/// "cpu" and "peak" of what went on between the two, for so many messages.
Measurement cost(const Usage& before, const Usage& after, int messages);

/// Makes `peak_mib` begin anew at what is resident now.
void forget_peak(pid_t pid);

}  // namespace dapr_mqtt::bench
