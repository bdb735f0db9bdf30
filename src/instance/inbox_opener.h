#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <thread>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::instance {

/// Opens inboxes, each on a thread of its own: opening reads the disk and may have to recover a
/// file, and a slow disk must not delay other instances.
///
/// Thread-safe. The destructor waits for inboxes that are still being opened, since a read cannot
/// be cancelled.
class InboxOpener {
 public:
  using Opened = base::Result<std::unique_ptr<core::DurableInbox>>;
  using Open = std::function<Opened()>;
  using Done = std::function<void(Opened)>;

  /// How many may be opened at a time; each identity has at most one (IdentityRegistry).
  static constexpr std::size_t kMost = 64;

  InboxOpener() = default;
  ~InboxOpener();
  InboxOpener(const InboxOpener&) = delete;
  InboxOpener& operator=(const InboxOpener&) = delete;

  /// Runs `open` and then `done` with what it returned, once, on a thread of its own. `done` must
  /// be quick. RESOURCE_EXHAUSTED, on the caller's thread, when there are kMost already or the
  /// system has no thread left.
  void open(Open open, Done done);

 private:
  using Threads = std::list<std::thread>;

  void run(Threads::iterator place, const Open& open, const Done& done);

  base::Mutex mutex_;
  base::CondVar one_finished_;
  Threads running_ DM_GUARDED_BY(mutex_);
  Threads finished_ DM_GUARDED_BY(mutex_);  // done, except for leaving the lock
};

}  // namespace dapr_mqtt::instance
