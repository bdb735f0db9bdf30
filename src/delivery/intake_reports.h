#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::delivery {

/// The log lines about messages that were not taken in as usual. Their number depends on the
/// traffic, so each kind of line is written at once the first time, and then at most every half
/// minute with a count of those in between. Thread-safe.
class IntakeReports {
 public:
  static constexpr base::Duration kInterval = std::chrono::seconds(30);

  IntakeReports(core::InboxLimits limits, const base::Executor& time, base::Log log)
      : limits_(limits), time_(time), log_(std::move(log)) {}
  /// Writes the line about dropped messages that are not reported yet.
  ~IntakeReports();
  IntakeReports(const IntakeReports&) = delete;
  IntakeReports& operator=(const IntakeReports&) = delete;

  void too_large(std::string_view topic, std::size_t bytes, bool becomes_dead_letter);
  void not_stored(std::string_view queue, const base::Status& error);
  /// The broker has rewritten the topic, so that it no longer matches `filter` literally. Written
  /// once.
  void rewritten(std::string_view topic, std::string_view filter);
  /// The message matches no subscription. `waits`: it waits for one; otherwise it is dropped.
  void unrouted(std::string_view topic, bool waits);
  void dropped(const std::vector<core::Evicted>& evicted);

 private:
  /// One kind of line.
  struct Kind {
    std::optional<base::TimePoint> written;
    std::size_t held_back = 0;
  };

  /// The suffix that counts the lines held back since the last one; none when this line is held
  /// back.
  std::optional<std::string> admit(Kind& kind) DM_REQUIRES(mutex_);
  std::string take_dropped_line() DM_REQUIRES(mutex_);

  const core::InboxLimits limits_;
  const base::Executor& time_;
  const base::Log log_;

  base::Mutex mutex_;
  Kind too_large_ DM_GUARDED_BY(mutex_);
  Kind not_stored_ DM_GUARDED_BY(mutex_);
  Kind unrouted_ DM_GUARDED_BY(mutex_);
  bool rewritten_ DM_GUARDED_BY(mutex_) = false;  // the line was written
  std::optional<base::TimePoint> dropped_written_ DM_GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> dropped_ DM_GUARDED_BY(mutex_);  // by queue, kQueuesNamed
  std::size_t dropped_elsewhere_ DM_GUARDED_BY(mutex_) = 0;
};

}  // namespace dapr_mqtt::delivery
