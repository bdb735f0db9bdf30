#pragma once

#include <functional>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// Moves descriptors to numbers that have not been used for long: gRPC names a
/// connection by its descriptor's number ("fd:<n>"), which must still mean the
/// same connection when a call that was slow to start asks. Not thread-safe.
class FdNumbers {
 public:
  /// The numbers go round in [first, end), end limited by RLIMIT_NOFILE.
  explicit FdNumbers(int first = kFirst, int end = kEnd);

  /// The same open file under the next free number, close-on-exec.
  /// RESOURCE_EXHAUSTED when the process has no number left; `fd` is closed.
  base::Result<base::UniqueFd> move(base::UniqueFd fd);

 private:
  static constexpr int kFirst = 256;
  /// The kernel's table of descriptors grows with the highest number: 64 KiB here.
  static constexpr int kEnd = 8192;

  int first_;
  int end_;
  int next_;
};

}  // namespace dapr_mqtt::dapr
