#include "dapr_mqtt/delivery/arrivals.h"

#include <utility>

namespace dapr_mqtt::delivery {

void Arrivals::note(std::string_view queue, bool inbox_full) {
  bool post = false;
  {
    base::MutexLock lock(mutex_);
    if (!noted_.queues.contains(queue)) noted_.queues.emplace(queue);
    noted_.inbox_full = noted_.inbox_full || inbox_full;
    post = !std::exchange(posted_, true);
  }
  if (post) executor_.post(wake_);
}

void Arrivals::note_unclaimed(bool claim_again, bool inbox_full) {
  if (!claim_again && !inbox_full) return;  // nothing for the dispatcher to do
  bool post = false;
  {
    base::MutexLock lock(mutex_);
    noted_.claim_again = noted_.claim_again || claim_again;
    noted_.inbox_full = noted_.inbox_full || inbox_full;
    post = !std::exchange(posted_, true);
  }
  if (post) executor_.post(wake_);
}

Arrivals::Batch Arrivals::take() {
  base::MutexLock lock(mutex_);
  posted_ = false;
  return std::exchange(noted_, Batch{});
}

}  // namespace dapr_mqtt::delivery
