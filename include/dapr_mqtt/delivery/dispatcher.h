#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/delivery/app_pace.h"
#include "dapr_mqtt/delivery/arrivals.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::delivery {

class AppWatch;
class DeliveryQueue;
struct DeliveryStream;

/// Never 0; a dispatcher never uses one twice.
using StreamId = std::uint64_t;

/// What a dispatcher reports to its owner. The hooks run on the executor; each must be quick and
/// must not call the dispatcher. Empty ones are not called.
struct DispatcherHooks {
  /// Messages have come in.
  std::function<void()> arrived;
  /// Called before the given-up message leaves the inbox; it is logged and counted already.
  std::function<void(const GivenUp&)> given_up;
  /// When set, a given-up message stays in the inbox until the owner calls dead_lettered(). While
  /// kMaxDeadLetters messages wait for that call, nothing new is delivered.
  std::function<void(const GivenUp&)> dead_letter;
};

/// Hands messages from the inbox to the streams that subscribed to them, keeps each stream within
/// its window, takes acknowledgements, and redelivers what the app failed.
///
/// Each filter has its own queue, and a slow, silent or failing queue holds up no other. A message
/// that waits for its next try takes no room in a window. It holds up no other message either,
/// except in ConcurrencyMode::kSingle those of its queue, and in kOrdered those of its key; the log
/// then names it.
///
/// An app that cannot be reached has failed nothing: its messages go back to their places in the
/// inbox without a counted failure, and one message of each stream is tried now and then
/// (AppWatch).
///
/// Thread safety: may be made on any thread. All methods and the destructor are called on the
/// executor (or after it stopped), except arrivals(), pause() and resume(). Tasks that are still
/// posted when the dispatcher is destroyed do nothing. What is given by reference outlives it. Each
/// task does a bounded amount of work, so that acknowledgements get their turn.
///
/// The tasks for arrivals and deliveries are quick tasks (base::Executor): on a thread that must
/// not wait for a disk, they leave what has to be read from the disk to a task that may wait.
/// acknowledge() may be called in a quick task while !Inbox::settling_may_block().
class Dispatcher {
 public:
  Dispatcher(Policy policy, base::Executor& executor, const base::WallClock& clock,
             core::Inbox& inbox, IntakeControl& intake, core::Counters& counters, base::Log log,
             DispatcherHooks hooks);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Adds a stream to the filter's queue, which all streams with that filter share: each message
  /// goes to the stream that holds the fewest, and among equals they take turns. The first stream
  /// claims the unclaimed messages that match the filter. The newest stream's order applies to all
  /// of them. Deliveries begin after this has returned.
  StreamId open(const core::TopicFilter& filter, std::shared_ptr<core::Subscriber> subscriber) {
    return open(filter, std::move(subscriber), policy_.order);
  }
  StreamId open(const core::TopicFilter& filter, std::shared_ptr<core::Subscriber> subscriber,
                const core::DeliveryOrder& order);
  /// Ends deliveries to the stream. What it had not acknowledged goes back to its place in the
  /// inbox, due at once, without a counted failure. Unknown ids are ignored.
  void close(StreamId stream);

  /// The answer to one delivery; `error` is set when the app failed it or was not reached. An
  /// answer from a stream that does not hold the message is only counted (Counters::unknown_acks).
  void acknowledge(StreamId stream, core::InboxId id, std::optional<core::DeliveryError> error);

  /// The given-up message was published as a dead letter, or dropped: it leaves the inbox.
  void dead_lettered(core::InboxId id);
  static constexpr std::size_t kMaxDeadLetters = 100;

  /// Stops new deliveries until resume(), except one that is being handed over at this moment.
  /// Acknowledgements still count. Idempotent. From any thread.
  void pause();
  void resume();

  /// Stops new deliveries for good: resume() does not start them again. `done` runs on the
  /// executor, not inside this call, as soon as nothing is in flight.
  void drain(std::function<void()> done);

  /// How many messages are delivered and neither acknowledged nor put back.
  std::size_t in_flight() const { return in_flight_; }
  /// Whether a queue with ordering by key has a stream with room, but all its messages wait for
  /// others with their key.
  bool waits_for_keys() const;
  /// How many messages the windows of all open streams may hold together.
  std::size_t window() const { return streams_.size() * policy_.window.messages; }
  /// How the app has acknowledged since the last call.
  AppPace take_pace() { return std::exchange(pace_, AppPace{pace_.last}); }

  /// For Intake. May be called and used on any thread.
  Arrivals& arrivals() { return arrivals_; }

 private:
  using DueKey = std::pair<base::WallTime, std::uint64_t>;  // due time, queue's serial number

  bool held_back() const { return paused_ || draining_ || dead_letters_.size() >= kMaxDeadLetters; }
  base::Executor::Task guarded(void (Dispatcher::*method)());
  void on_arrivals();
  void on_timer();
  void pump();
  void schedule_pump() { schedule_pump(false); }
  void schedule_pump(bool on_own_thread);
  void make_runnable(DeliveryQueue& queue);
  enum class Turn { kOver, kMore, kOnDisk };
  /// What one task may still hand over.
  struct Budget {
    std::size_t messages;
    std::size_t bytes;
    bool spent() const { return messages == 0 || bytes == 0; }
    void spend(std::size_t footprint) {
      --messages;
      bytes -= std::min(bytes, footprint);
    }
  };
  Turn run_turn(DeliveryQueue& queue, base::WallTime now, Budget& budget);
  core::Inbox::FromMemory take(const DeliveryQueue& queue, base::WallTime now);
  void report_expired();
  void expire(const DeliveryQueue& queue, const core::InboxEntry& entry);
  void hand_over(DeliveryQueue& queue, DeliveryStream& stream, core::InboxEntry entry,
                 base::WallTime now);
  void answer(DeliveryStream& stream, const core::Delivery& delivery,
              const std::optional<core::DeliveryError>& error);
  void failed(DeliveryQueue& queue, const core::Delivery& delivery, std::string_view error);
  void report_blocked(const DeliveryQueue& queue, const core::Delivery& delivery,
                      std::string_view error);
  void give_up(const DeliveryQueue& queue, GivenUp::Reason reason, const core::Delivery& delivery,
               std::string_view error);
  void report_given_up(const DeliveryQueue& queue, GivenUp::Reason reason,
                       const core::Delivery& delivery, std::string_view error);
  void show_window();
  void watch_due(DeliveryQueue& queue);
  void forget_due(DeliveryQueue& queue);
  void arm_timer();
  void finish_drain();
  void remove_queue(DeliveryQueue& queue);

  const Policy policy_;
  base::Executor& executor_;
  const base::WallClock& clock_;
  core::Inbox& inbox_;
  IntakeControl& intake_;
  core::Counters& counters_;
  const base::Log log_;
  const DispatcherHooks hooks_;
  // Posted tasks hold it weakly, to find out whether the dispatcher still exists. Declared before
  // arrivals_, whose task uses it.
  std::shared_ptr<Dispatcher*> self_;
  Arrivals arrivals_;

  std::map<std::string, std::unique_ptr<DeliveryQueue>> queues_;  // by filter
  std::unordered_map<StreamId, std::unique_ptr<DeliveryStream>> streams_;
  const std::unique_ptr<AppWatch> apps_;  // points to streams
  std::deque<DeliveryQueue*> runnable_;   // queues that may have a message to hand over
  std::map<DueKey, DeliveryQueue*> due_;  // queues whose next message is due later
  std::optional<base::WallTime> timer_for_;
  base::Executor::TimerId timer_ = 0;
  std::vector<std::function<void()>> drained_;
  // An app that fails everything must not fill the log. The counters count every message.
  base::RepeatFilter given_up_lines_{10};
  std::map<std::string, base::RepeatFilter> blocked_lines_;  // by filter, of open queues
  std::unordered_map<core::InboxId, std::string>
      dead_letters_;                            // filters of given-up messages still in the inbox
  std::map<std::string, std::size_t> expired_;  // by filter, since the last log line
  base::Executor::TimerId expired_timer_ = 0;
  StreamId last_stream_ = 0;
  std::uint64_t last_queue_ = 0;
  std::size_t in_flight_ = 0;
  AppPace pace_;
  bool pump_posted_ = false;
  std::atomic<bool> paused_{false};
  bool draining_ = false;
};

}  // namespace dapr_mqtt::delivery
