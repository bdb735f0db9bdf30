#pragma once

#include <atomic>
#include <set>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// The topic filters for whose messages CloudEvents are made. Thread-safe.
class EventFilters {
 public:
  /// A stream of the filter was opened; `makes_events`: whether it wants events.
  void subscribed(const core::TopicFilter& filter, bool makes_events) {
    if (!makes_events) return;  // another stream of the filter may want events
    used_ = true;
    base::MutexLock lock(mutex_);
    filters_.insert(filter);
  }
  void ended(const core::TopicFilter& filter) {
    base::MutexLock lock(mutex_);
    filters_.erase(filter);
  }
  bool contains(const core::TopicFilter& filter) const {
    if (!used_) return false;
    base::MutexLock lock(mutex_);
    return filters_.contains(filter);
  }

 private:
  std::atomic<bool> used_{false};  ///< avoids the lock if no subscription uses events
  mutable base::Mutex mutex_;
  std::set<core::TopicFilter> filters_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::instance
