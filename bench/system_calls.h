// Counts the system calls of a process, by the kernel's trace point for them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::bench {

/// From its making on, of all threads of a process, also of those that begin later. It
/// makes each system call of the machine a little dearer, so it is there for runs of
/// which nothing else is wanted.
class SystemCalls {
 public:
  /// Why they cannot be counted here (the trace points need root as a rule); none when
  /// they can.
  static std::optional<std::string> why_unavailable();

  /// Throws std::runtime_error when they cannot be counted.
  explicit SystemCalls(pid_t pid);

  long so_far() const;

 private:
  std::vector<base::UniqueFd> counters_;  // one a thread
};

}  // namespace dapr_mqtt::bench
