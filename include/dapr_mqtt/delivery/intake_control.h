#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

/// What the owner does about a full inbox. The hooks run on the executor; each must be quick and
/// must call neither the IntakeControl nor the Dispatcher. Empty ones are not called.
struct IntakeHooks {
  /// The inbox stores no more: new messages are held. Called once, until `resume`. The owner counts
  /// and logs it.
  std::function<void()> full;
  /// The inbox was full, and has room again before `full` was called. What it has held meanwhile can
  /// be stored.
  std::function<void()> room;
  /// Too much is held as well: the owner stops receiving. Called once, until `resume`.
  std::function<void()> overfull;
  /// Half of the inbox is free again: the owner starts receiving again.
  std::function<void()> resume;
};

/// Decides when a full inbox stores no more, when receiving stops and starts again, and which
/// messages are dropped first when room is needed: those of subscriptions that no stream has open.
///
/// Thread safety: may be made on any thread. All methods and the destructor are called on the
/// executor (or after it stopped). Tasks that are still posted when it is destroyed do nothing.
/// What is given by reference outlives it.
class IntakeControl {
 public:
  /// After its last stream has closed, a subscription keeps its messages for this long, even if the
  /// inbox is full and other streams are open.
  static constexpr base::Duration kReopenGrace = std::chrono::seconds(30);

  /// `stores`: the inbox can store waiting messages. Otherwise they are held at the broker and take
  /// the place of others in its window, so those of subscriptions that no stream opens are dropped
  /// after kReopenGrace.
  IntakeControl(bool stores, base::Executor& executor, core::Inbox& inbox, core::Counters& counters,
                base::Log log, IntakeHooks hooks);
  ~IntakeControl();
  IntakeControl(const IntakeControl&) = delete;
  IntakeControl& operator=(const IntakeControl&) = delete;

  // Called by the Dispatcher:

  /// The first stream of this filter has opened, or the last one closed.
  void opened(const core::TopicFilter& filter);
  void closed(const core::TopicFilter& filter);
  /// Messages have come in. `inbox_full`: AppendOutcome::full was set for one of them.
  void arrived(bool inbox_full);
  /// A message has left the inbox.
  void settled() { check_limits(false); }

  // Called by the owner:

  /// Drops the messages that wait for this filter (its subscription has ended for good). Returns
  /// how many they were.
  std::size_t discard(const core::TopicFilter& filter);
  /// The streams of an earlier process have had their time to come back. From now on, messages in
  /// queues that no stream has opened, also those that come later, are kept only while there is
  /// room; each such queue is logged.
  void abandon_unopened();

 private:
  void check_limits(bool inbox_full);
  void abandon_closed();
  /// `awaited`: the app that the messages wait for, as in "an app that ...".
  void abandon(const std::string& queue, std::string_view awaited);
  void arm_closed_timer();
  void on_closed_timer();
  void arm_unopened_timer();
  void drop_unopened();
  base::Executor::TimerId post_at(base::TimePoint when, void (IntakeControl::*method)());

  const bool stores_;
  base::Executor& executor_;
  core::Inbox& inbox_;
  core::Counters& counters_;
  const base::Log log_;
  const IntakeHooks hooks_;
  const base::TimePoint began_;
  std::shared_ptr<IntakeControl*> self_;  // posted tasks hold it weakly

  std::set<std::string> open_;                        // filters with a stream
  std::map<std::string, base::TimePoint> closed_at_;  // by filter: when its last stream closed
  /// Set by abandon_unopened(): until then, queues that no stream has opened keep their messages.
  std::optional<base::TimePoint> unopened_until_;
  base::Executor::TimerId closed_timer_ = 0;
  base::Executor::TimerId unopened_timer_ = 0;
  base::RepeatFilter lines_;
  bool full_ = false;      // reported
  bool overfull_ = false;  // likewise
};

}  // namespace dapr_mqtt::delivery
