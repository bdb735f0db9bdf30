#pragma once

#include <functional>

namespace dapr_mqtt::base {

/// A thread that belongs to somebody else and can do something for us in between: work
/// that ends in a task for it need not wake another thread first. Thread-safe.
class SpareThread {
 public:
  virtual ~SpareThread() = default;

  /// True: `work` runs there, once, as soon as the thread gets to it. False: there is no
  /// such thread, and `work` is dropped. Never runs it inside the call, never waits.
  virtual bool lend(std::function<void()> work) = 0;
};

}  // namespace dapr_mqtt::base
