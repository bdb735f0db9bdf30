#pragma once

#include <set>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// One info line when all that was subscribed is in force: where, how and what. An
/// app's subscriptions come one after the other, so it waits until no more come;
/// and it comes again only when the topics have changed.
///
/// On one executor, which stops before this is destroyed.
class ReadyReport {
 public:
  static constexpr std::chrono::milliseconds kNoMoreCome{300};

  ReadyReport(base::Executor& executor, base::Log log, const core::ConnectionOptions& options);

  /// A subscription begins.
  void begins(const core::TopicFilter& filter);
  /// One that began is in force, or refused.
  void settled();
  /// What Subscriptions says: nothing is reported as ready while it is not OK.
  void healthy(bool yes);
  /// Nobody wants the filter any more.
  void ended(const core::TopicFilter& filter) { filters_.erase(filter); }

 private:
  void look_later();
  void look();

  base::Executor& executor_;
  const base::Log log_;
  const std::string where_;
  std::set<core::TopicFilter> filters_;
  std::size_t open_ = 0;
  bool healthy_ = true;
  base::Executor::TimerId timer_ = 0;
  std::string last_;
};

}  // namespace dapr_mqtt::instance
