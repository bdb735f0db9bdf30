#pragma once

#include <functional>
#include <memory>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::instance {

/// Flushes a durable inbox soon after changes, many changes at a time, and tries
/// again with back-off while the disk fails.
///
/// Used on the executor only, except disk_failed(). Tasks that run after its
/// destructor do nothing. The inbox must outlive it.
class InboxKeeper {
 public:
  struct Hooks {
    /// Messages cannot be stored, and so stay at the broker. Not called again before disk_works.
    std::function<void(const base::Status&)> disk_fails;
    /// The inbox is completely written again.
    std::function<void()> disk_works;
  };
  struct Times {
    /// The longest time until a settle is written: a process that is killed before that delivers
    /// the message again.
    base::Duration flush_after = std::chrono::milliseconds(20);
    base::Duration retry_first = std::chrono::milliseconds(250);
    base::Duration retry_most = std::chrono::seconds(10);
  };

  InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log, Hooks hooks);
  InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log, Hooks hooks,
              Times times);

  /// commit() or append() has failed with this error. On any thread.
  void disk_failed(const base::Status& cause);

 private:
  void flush();
  void fails(const base::Status& cause);
  void try_again();

  core::DurableInbox& inbox_;
  base::Executor& executor_;
  const base::Log log_;
  const Hooks hooks_;
  const Times times_;
  base::Backoff backoff_;
  bool failing_ = false;
  bool retry_posted_ = false;
  std::shared_ptr<InboxKeeper*> self_;  // posted tasks hold it weakly
};

}  // namespace dapr_mqtt::instance
