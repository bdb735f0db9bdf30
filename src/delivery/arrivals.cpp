#include "dapr_mqtt/delivery/arrivals.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::delivery {

void Arrivals::note(std::string_view queue, bool inbox_full, WakeBy by) {
  bool to_post = false;
  {
    base::MutexLock lock(mutex_);
    if (!noted_.queues.contains(queue)) noted_.queues.emplace(queue);
    noted_.inbox_full = noted_.inbox_full || inbox_full;
    to_post = needs_post(by);
  }
  if (to_post) post(by);
}

void Arrivals::note_unclaimed(bool claim_again, bool inbox_full) {
  bool to_post = false;
  {
    base::MutexLock lock(mutex_);
    noted_.claim_again = noted_.claim_again || claim_again;
    noted_.inbox_full = noted_.inbox_full || inbox_full;
    to_post = needs_post(WakeBy::kEnter);
  }
  if (to_post) post(WakeBy::kEnter);
}

bool Arrivals::needs_post(WakeBy by) {
  if (woken_) return false;
  if (by == WakeBy::kPost) return woken_ = true;
  const std::thread::id self = std::this_thread::get_id();
  if (std::find(entering_.begin(), entering_.end(), self) != entering_.end()) return false;
  entering_.push_back(self);
  return true;
}

void Arrivals::post(WakeBy by) {
  by == WakeBy::kEnter ? executor_.enter(wake_) : executor_.post_quick(wake_);
}

Arrivals::Batch Arrivals::take() {
  base::MutexLock lock(mutex_);
  woken_ = false;
  entering_.clear();
  return std::exchange(noted_, Batch{});
}

}  // namespace dapr_mqtt::delivery
