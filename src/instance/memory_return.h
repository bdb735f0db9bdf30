#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::instance {

/// Makes the allocator return memory to the system after a burst of messages: otherwise the memory
/// stays with the process, and counts against a container's limit. It is returned when most
/// messages are handled and few arrive, not during the burst. No timer is set while there are few
/// messages.
///
/// Thread-safe. The executor must be stopped before this is destroyed.
class MemoryReturn {
 public:
  /// This many bytes, in use or passed between two looks, count as many.
  static constexpr std::size_t kMany = 8U << 20U;
  static constexpr std::chrono::seconds kBetweenLooks{5};

  /// In bytes of payload, published and received; both called on any thread.
  struct Load {
    std::function<std::size_t()> in_use;  ///< of the messages that wait now
    std::function<std::size_t()> passed;  ///< of all messages so far
  };

  /// `return_free` is called on the executor, and may take some milliseconds.
  MemoryReturn(base::Executor& executor, Load load, std::function<void()> return_free)
      : executor_(executor), load_(std::move(load)), return_free_(std::move(return_free)) {}

  /// Messages have arrived, or were published.
  void arrived() {
    if (waits_.load(std::memory_order_relaxed) || !many(load_.passed())) return;
    if (!waits_.exchange(true)) look_later();
  }

 private:
  bool many(std::size_t passed) const { return passed - seen_ >= kMany || load_.in_use() >= kMany; }
  void look_later() {
    executor_.post_at(executor_.now() + kBetweenLooks, [this] {
      const std::size_t passed = load_.passed();
      const bool go_on = many(passed);
      seen_ = passed;
      if (go_on) return look_later();
      waits_ = false;
      return_free_();
      arrived();  // messages that came since many() have not set the timer
    });
  }

  base::Executor& executor_;
  const Load load_;
  const std::function<void()> return_free_;
  std::atomic<std::size_t> seen_{0};  ///< passed() at the last look
  std::atomic<bool> waits_{false};
};

}  // namespace dapr_mqtt::instance
