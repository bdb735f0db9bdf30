#pragma once

#include <set>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// Logs one info line when all subscriptions are in force: topics, broker and session.
/// An app's subscriptions come one after the other, so it waits until no more come.
/// It logs the line again only when the topics have changed.
///
/// Used on one executor, which is stopped before this is destroyed.
class ReadyReport {
 public:
  static constexpr std::chrono::milliseconds kNoMoreCome{300};

  ReadyReport(base::Executor& executor, base::Log log, const core::ConnectionOptions& options);

  /// A subscription begins.
  void begins(const core::TopicFilter& filter);
  /// A subscription that began is in force, or refused.
  void settled();
  /// The health of Subscriptions: while it is not OK, nothing is reported as ready.
  void healthy(bool yes);
  /// The filter's subscription has ended.
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
