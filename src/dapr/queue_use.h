#pragma once

#include <atomic>
#include <cstdint>

namespace dapr_mqtt::dapr {

/// Who still needs the completion queue: gRPC ends the process when an operation
/// is begun on one that has been shut down. Answers may come from any thread and
/// as late as they like, so each asks here first. Thread-safe, lock-free.
class QueueUse {
 public:
  /// False once closed: then nothing may be begun. Else end() follows, on the
  /// queue's thread, when all that was begun has come back.
  bool begin() {
    std::uint64_t state = state_.load(std::memory_order_relaxed);
    do {
      if ((state & kClosed) != 0) return false;
    } while (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                           std::memory_order_relaxed));
    return true;
  }
  void end() { state_.fetch_sub(1, std::memory_order_acq_rel); }

  void close() { state_.fetch_or(kClosed, std::memory_order_acq_rel); }
  bool closed() const { return (state_.load(std::memory_order_acquire) & kClosed) != 0; }
  /// Closed, and all has ended.
  bool over() const { return state_.load(std::memory_order_acquire) == kClosed; }

 private:
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63U;
  std::atomic<std::uint64_t> state_{0};
};

}  // namespace dapr_mqtt::dapr
