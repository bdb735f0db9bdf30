#pragma once

#include <functional>

namespace dapr_mqtt::base {

/// A thread of someone else that can run work for us between its own tasks. Useful for work whose
/// result is a task for that thread: no other thread has to be woken first. Thread-safe.
class SpareThread {
 public:
  virtual ~SpareThread() = default;

  /// True: `work` will run on the thread, once, as soon as the thread gets to it. False: there is
  /// no such thread, and `work` is dropped. Never runs `work` inside the call, never waits.
  virtual bool lend(std::function<void()> work) = 0;
};

}  // namespace dapr_mqtt::base
