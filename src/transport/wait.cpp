#include "transport/wait.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <vector>

namespace dapr_mqtt::transport {
namespace {

int milliseconds_until(base::TimePoint deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<long long>(left.count(), 0, INT_MAX));
}

}  // namespace

Waited wait_for(std::span<const pollfd> descriptors, base::TimePoint deadline, const Cancel& cancel,
                std::span<pollfd> result) {
  std::vector<pollfd> all{{cancel.fd(), POLLIN, 0}};
  all.insert(all.end(), descriptors.begin(), descriptors.end());
  for (;;) {
    const int ready = ::poll(all.data(), all.size(), milliseconds_until(deadline));
    if (cancel.is_set()) return Waited::kCancelled;
    if (ready == 0) return Waited::kTimeUp;
    // After an error other than EINTR, the next call on the descriptor reports what is wrong.
    if (ready < 0 && errno == EINTR) continue;
    std::copy_n(all.begin() + 1, std::min(result.size(), descriptors.size()), result.begin());
    return Waited::kReady;
  }
}

Waited wait_for(int fd, short events, base::TimePoint deadline, const Cancel& cancel) {
  const pollfd one{fd, events, 0};
  return wait_for(std::span(&one, 1), deadline, cancel);
}

Waited wait_for(const ByteStream& stream, base::TimePoint deadline, const Cancel& cancel) {
  if (cancel.is_set()) return Waited::kCancelled;
  if (std::chrono::steady_clock::now() >= deadline) return Waited::kTimeUp;
  if (stream.has_buffered_input()) return Waited::kReady;
  const short events = stream.wants_write() ? POLLIN | POLLOUT : POLLIN;
  return wait_for(stream.fd(), events, deadline, cancel);
}

base::Status connecting_cancelled() { return base::cancelled("connecting was cancelled"); }

}  // namespace dapr_mqtt::transport
