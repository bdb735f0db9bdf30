#pragma once

#include <functional>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// Moves descriptors to numbers that have not been used for a long time. gRPC names a connection by
/// its descriptor's number ("fd:<n>"), and that number must still mean the same connection when a
/// call that started late looks for its connection. Not thread-safe.
class FdNumbers {
 public:
  /// The numbers rise in [first, end) and then start at `first` again; RLIMIT_NOFILE limits `end`.
  explicit FdNumbers(int first = kFirst, int end = kEnd);

  /// Returns the same open file under the next free number, close-on-exec. RESOURCE_EXHAUSTED when
  /// the process has no number left; `fd` is then closed.
  base::Result<base::UniqueFd> move(base::UniqueFd fd);

 private:
  static constexpr int kFirst = 256;
  /// The kernel's table of descriptors grows with the highest number; this one makes it 64 KiB.
  static constexpr int kEnd = 8192;

  int first_;
  int end_;
  int next_;
};

}  // namespace dapr_mqtt::dapr
