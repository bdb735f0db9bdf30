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

/// The log lines about messages that did not get in. Their number is driven by
/// strangers' traffic, so each kind is written at once the first time and then
/// at most every half minute, with what has gathered. Thread-safe.
class IntakeReports {
 public:
  static constexpr base::Duration kInterval = std::chrono::seconds(30);

  IntakeReports(core::InboxLimits limits, const base::Executor& time, base::Log log)
      : limits_(limits), time_(time), log_(std::move(log)) {}
  /// Writes what has gathered.
  ~IntakeReports();
  IntakeReports(const IntakeReports&) = delete;
  IntakeReports& operator=(const IntakeReports&) = delete;

  void too_large(std::string_view topic, std::size_t bytes, std::size_t allowed);
  void not_stored(std::string_view queue, const base::Status& error);
  void dropped(const std::vector<core::Evicted>& evicted);

 private:
  /// One kind of line.
  struct Kind {
    std::optional<base::TimePoint> written;
    std::size_t held_back = 0;
  };

  /// The suffix that accounts for lines held back, or none when this one is too.
  std::optional<std::string> admit(Kind& kind) DM_REQUIRES(mutex_);
  std::string take_dropped_line() DM_REQUIRES(mutex_);

  const core::InboxLimits limits_;
  const base::Executor& time_;
  const base::Log log_;

  base::Mutex mutex_;
  Kind too_large_ DM_GUARDED_BY(mutex_);
  Kind not_stored_ DM_GUARDED_BY(mutex_);
  std::optional<base::TimePoint> dropped_written_ DM_GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> dropped_ DM_GUARDED_BY(mutex_);  // by queue, a few
  std::size_t dropped_elsewhere_ DM_GUARDED_BY(mutex_) = 0;
};

}  // namespace dapr_mqtt::delivery
