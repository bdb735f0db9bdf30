#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/delivery/arrivals.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::delivery {

class DeliveryQueue;
struct DeliveryStream;

/// Never 0, never used twice for a dispatcher.
using StreamId = std::uint64_t;

/// What a dispatcher tells its owner, on the executor. Each must be quick and
/// must not call the dispatcher; empty ones are left out.
struct DispatcherHooks {
  /// The inbox has no room left for a message that may not be dropped: stop
  /// taking messages in. Once, until intake_resume. To count it and say so in
  /// the log is the owner's part, who knows what stopping means.
  std::function<void()> intake_full;
  /// Half of the inbox is free again: go on.
  std::function<void()> intake_resume;
  /// Before the message leaves the inbox; it is logged and counted already.
  std::function<void(const GivenUp&)> given_up;
  /// Set: what is given up stays in the inbox until the owner calls
  /// dead_lettered(). While kMaxDeadLetters wait for that, nothing new is
  /// delivered.
  std::function<void(const GivenUp&)> dead_letter;
};

/// Hands messages from the inbox to the streams that subscribed to them, keeps
/// each stream's window, takes acknowledgements, and tries again what the app
/// failed. Each filter has a queue of its own; a slow, silent or failing one
/// holds up no other, and a message that waits for its next try takes no room
/// in a window and holds up no other message (but in Order::kStrict).
///
/// Thread safety: made anywhere; all methods, the destructor too, on the
/// executor (or after it stopped), except arrivals(), pause() and resume(). Tasks of its own that are
/// still posted when it goes do nothing. What is given by reference outlives
/// it. Bounded work for each task, so that acknowledgements get in between.
class Dispatcher {
 public:
  Dispatcher(Policy policy, base::Executor& executor, const base::WallClock& clock,
             core::Inbox& inbox, core::Counters& counters, base::Log log, DispatcherHooks hooks);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Adds a stream to the filter's queue, which all streams with that filter
  /// share by turns. The first one claims what waits unclaimed for the filter.
  /// Deliveries begin after this has returned.
  StreamId open(const core::TopicFilter& filter, std::shared_ptr<core::Subscriber> subscriber);
  /// No more deliveries to it; what it had not acknowledged goes back in place,
  /// due at once, no failure counted. Unknown ids are ignored.
  void close(StreamId stream);

  /// The answer to one delivery; `error` when the app failed it. Counts only
  /// from the stream that holds the message, else it is an unknown_ack.
  void acknowledge(StreamId stream, core::InboxId id, std::optional<std::string> error);

  /// A given-up message is where it belongs now.
  void dead_lettered(core::InboxId id);
  static constexpr std::size_t kMaxDeadLetters = 100;

  /// No new deliveries until resume(), but for one that is being handed over in
  /// this moment; acknowledgements count. Idempotent. From any thread.
  void pause();
  void resume();

  /// No new deliveries any more, resume() or not; `done` runs on the executor,
  /// never inside a call, once nothing is in flight.
  void drain(std::function<void()> done);

  /// Drops what waits for this filter (its subscription has ended for good).
  /// Returns how many.
  std::size_t discard(const core::TopicFilter& filter);

  /// Messages may have left the inbox in another way: whether intake may go on.
  void look_at_intake() { watch_intake(false); }

  /// The streams of an earlier process have had their time to come back: what
  /// waits in queues that none has opened stays while there is room, with a line in
  /// the log for each.
  void abandon_unopened();

  /// Delivered, neither acknowledged nor returned.
  std::size_t in_flight() const { return in_flight_; }

  /// For Intake. The reference may be taken and used on any thread.
  Arrivals& arrivals() { return arrivals_; }

 private:
  using DueKey = std::pair<base::WallTime, std::uint64_t>;  // time, queue's serial number

  bool held_back() const {
    return paused_ || draining_ || dead_letters_.size() >= kMaxDeadLetters;
  }
  base::Executor::Task guarded(void (Dispatcher::*method)());
  void on_arrivals();
  void on_timer();
  void pump();
  void schedule_pump();
  void make_runnable(DeliveryQueue& queue);
  bool run_turn(DeliveryQueue& queue, base::WallTime now, std::size_t& budget);
  void expire(const DeliveryQueue& queue, const core::InboxEntry& entry);
  void hand_over(DeliveryQueue& queue, DeliveryStream& stream, core::InboxEntry entry,
                 base::WallTime now);
  void failed(DeliveryQueue& queue, const core::Delivery& delivery, std::string_view error);
  void give_up(const DeliveryQueue& queue, GivenUp::Reason reason, const core::Delivery& delivery,
               std::string_view error);
  void show_window();
  void watch_due(DeliveryQueue& queue);
  void forget_due(DeliveryQueue& queue);
  void arm_timer();
  void watch_intake(bool inbox_full);
  void finish_drain();
  void remove_queue(DeliveryQueue& queue);

  const Policy policy_;
  base::Executor& executor_;
  const base::WallClock& clock_;
  core::Inbox& inbox_;
  core::Counters& counters_;
  const base::Log log_;
  const DispatcherHooks hooks_;
  // Posted tasks hold it weakly: gone means the dispatcher is. Before
  // arrivals_, whose wake task is made from it.
  std::shared_ptr<Dispatcher*> self_;
  Arrivals arrivals_;

  std::map<std::string, std::unique_ptr<DeliveryQueue>> queues_;  // by filter
  std::unordered_map<StreamId, std::unique_ptr<DeliveryStream>> streams_;
  std::deque<DeliveryQueue*> runnable_;  // those that may have something to hand over
  std::map<DueKey, DeliveryQueue*> due_;  // those whose next message is due later
  std::optional<base::WallTime> timer_for_;
  base::Executor::TimerId timer_ = 0;
  std::vector<std::function<void()>> drained_;
  // An app that fails everything must not fill the log; all are counted.
  base::RepeatFilter given_up_lines_{10};
  std::unordered_set<core::InboxId> dead_letters_;  // given up, still in the inbox
  StreamId last_stream_ = 0;
  std::uint64_t last_queue_ = 0;
  std::size_t in_flight_ = 0;
  bool pump_posted_ = false;
  std::atomic<bool> paused_{false};
  bool draining_ = false;
  bool intake_stopped_ = false;
};

}  // namespace dapr_mqtt::delivery
