#pragma once

#include <functional>

namespace dapr_mqtt::base {

/// Lets a thread do some work once for many events instead of once for each event. While a Batch is
/// open on a thread, the code that the thread runs may put work off until the batch ends:
///
///   Batch batch;
///   for (Event& event : events) handle(event);  // somewhere inside: put_off(this, [..] { send(); })
///   // the end of the scope runs what was put off, in that order
///
/// Of nested batches only the outermost counts. The thread must hold no lock when a batch ends.
class Batch {
 public:
  Batch();
  /// Runs the work that was put off, and what that work puts off in turn. None of it may throw.
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Runs `work` when this thread's batch ends. If work with the same `key` is waiting already,
  /// `work` is dropped, so that it runs once. False: no batch is open on this thread, and nothing
  /// was done. `work` must keep alive what it uses.
  static bool put_off(const void* key, std::function<void()> work);
};

}  // namespace dapr_mqtt::base
