#pragma once

#include <atomic>
#include <cstdint>

namespace dapr_mqtt::dapr {

/// Counts the operations on the completion queue: gRPC aborts the process when an operation is
/// begun on a queue that was shut down. Answers may come from any thread, at any time, so each
/// calls begin() first. Thread-safe, lock-free.
class QueueUse {
 public:
  /// False: the queue is closed, and no operation may be begun. Otherwise end() has to be called,
  /// on the queue's thread, when what was begun has completed.
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
  /// The queue is closed, and all operations have ended.
  bool over() const { return state_.load(std::memory_order_acquire) == kClosed; }

 private:
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63U;
  std::atomic<std::uint64_t> state_{0};
};

}  // namespace dapr_mqtt::dapr
