#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::dapr {

/// Keeps calls that must not overtake others in the order of their arrival.
///
/// gRPC begins calls on several threads: a Publish may run before the
/// PullMessages that came in just ahead of it on the same connection, and its
/// message would miss the subscription. So each call takes a ticket as it
/// arrives (on gRPC's reading thread, which is in order), passes when it has
/// done what later ones depend on, and a call that depends on earlier ones
/// waits until those have passed: some microseconds, without holding a thread.
///
/// Thread-safe. Every ticket must be passed, soon.
class ArrivalOrder {
 public:
  using Ticket = std::uint64_t;
  using Task = std::function<void()>;

  Ticket take();
  /// Runs what waited for this ticket, if it was the last one in the way.
  /// Idempotent.
  void pass(Ticket ticket);
  /// Runs `task` when every ticket taken before `ticket` has passed: at once,
  /// inside this call, or inside the last one's pass().
  void when_earlier_passed(Ticket ticket, Task task);

 private:
  base::Mutex mutex_;
  Ticket first_ DM_GUARDED_BY(mutex_) = 0;  // of passed_: the oldest that has not passed
  std::deque<bool> passed_ DM_GUARDED_BY(mutex_);
  std::multimap<Ticket, Task> waiting_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::dapr
