// The way out: requests become MQTT publishes, answered when the broker has them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mailbox.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"

namespace dapr_mqtt::publish {

class Caller;
class SendQueue;

struct PublisherLimits {
  /// Requests waiting or in flight; more are refused with RESOURCE_EXHAUSTED.
  std::size_t max_requests = 10'000;
  /// The sum of their payloads; one request is always taken.
  std::size_t max_bytes = 64U << 20U;
  /// How long publishes wait for a subscription opened before them.
  base::Duration max_hold = std::chrono::seconds(5);
};

/// Sends in the order of calls with a window in flight; what was in flight when
/// the connection broke is sent again after the reconnect, as a new message,
/// while its deadline lasts.
///
/// Thread safety: all methods from any thread; none blocks. All sending happens
/// on the executor, which the owner stops before destroying this.
class Publisher {
 public:
  /// OK: the broker has it. UNAVAILABLE: no connection until the deadline; the
  /// text has the last cause. DEADLINE_EXCEEDED: connected, but no answer in
  /// time. RESOURCE_EXHAUSTED: too many waiting. Runs exactly once, on the
  /// executor, in the call, or on the thread that brings the broker's answer: it must
  /// be quick.
  using Done = std::function<void(base::Status)>;
  using HoldId = std::uint64_t;

  Publisher(base::Executor& executor, core::BrokerPublisher& broker, core::Counters& counters,
            PublisherLimits limits = {});
  ~Publisher();

  void publish(core::OutgoingMessage message, base::TimePoint deadline, Done done);

  /// Publishes that come after this wait until it is released, or for
  /// max_hold. Those before go on.
  HoldId hold();
  void release(HoldId hold);  ///< idempotent

  /// From the connection's listener.
  void connection_up();
  void connection_down(base::Status cause);

  /// Calls `idle` on the executor as soon as nothing waits or is in flight.
  void when_idle(std::function<void()> idle);
  /// Answers all with UNAVAILABLE and refuses what comes later likewise.
  void stop();

 private:
  struct Request {
    core::OutgoingMessage message;
    base::TimePoint deadline;
    std::shared_ptr<Caller> caller;
  };
  struct Hold { HoldId id; base::TimePoint until; };
  struct Release { HoldId id; };
  struct Answer { std::uint64_t token; base::Status status; };
  struct Up {};
  struct Down { base::Status cause; };
  struct Idle { std::function<void()> call; };
  struct Stop {};
  using Event = std::variant<Request, Hold, Release, Answer, Up, Down, Idle, Stop>;

  void handle(std::vector<Event>& events);
  bool admit(std::size_t bytes);
  void settle(Caller& caller, base::Status status);
  void show_pending(int requests, std::size_t bytes);
  void pump();
  void arm_timer();
  void call_idle_if_idle();

  base::Executor& executor_;
  core::BrokerPublisher& broker_;
  core::Counters& counters_;
  const PublisherLimits limits_;
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<HoldId> last_hold_{0};
  std::atomic<bool> backlog_{false};  // answers wake the executor, which has more to send

  // The executor's alone.
  std::unique_ptr<SendQueue> queue_;
  bool connected_ = false;
  bool stopped_ = false;
  base::Status last_cause_;
  base::Executor::TimerId timer_ = 0;
  base::TimePoint timer_at_{};
  std::function<void()> idle_;

  base::Mailbox<Event> mailbox_;  // last: its handler uses all of the above
};

}  // namespace dapr_mqtt::publish
