#include "dapr/arrival_order.h"

#include <utility>
#include <vector>

namespace dapr_mqtt::dapr {

ArrivalOrder::Ticket ArrivalOrder::take() {
  base::MutexLock lock(mutex_);
  passed_.push_back(false);
  return first_ + passed_.size() - 1;
}

void ArrivalOrder::pass(Ticket ticket) {
  std::vector<Task> ready;
  {
    base::MutexLock lock(mutex_);
    if (ticket < first_) return;  // passed before
    passed_[ticket - first_] = true;
    while (!passed_.empty() && passed_.front()) {
      passed_.pop_front();
      ++first_;
    }
    while (!waiting_.empty() && waiting_.begin()->first <= first_) {
      ready.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
  }
  for (const Task& task : ready) task();
}

void ArrivalOrder::when_earlier_passed(Ticket ticket, Task task) {
  {
    base::MutexLock lock(mutex_);
    if (first_ < ticket) {
      waiting_.emplace(ticket, std::move(task));
      return;
    }
  }
  task();
}

}  // namespace dapr_mqtt::dapr
