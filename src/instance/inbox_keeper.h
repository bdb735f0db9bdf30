#pragma once

#include <functional>
#include <memory>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::instance {

/// Keeps a durable inbox written, in groups and soon, and tries again with
/// back-off while the disk fails.
///
/// All on the executor but disk_failed(). Tasks that are still posted when it
/// goes do nothing. The inbox outlives it.
class InboxKeeper {
 public:
  struct Hooks {
    /// Stop intake: what comes in cannot be acknowledged. Once, until disk_works.
    std::function<void(const base::Status&)> disk_fails;
    /// All that is in the inbox is stored.
    std::function<void()> disk_works;
  };
  struct Times {
    /// From a settle to its being on disk, at most: what a kill delivers again.
    base::Duration flush_after = std::chrono::milliseconds(20);
    base::Duration retry_first = std::chrono::milliseconds(250);
    base::Duration retry_most = std::chrono::seconds(10);
  };

  InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log, Hooks hooks);
  InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log, Hooks hooks,
              Times times);

  /// What commit or append said. On any thread.
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
