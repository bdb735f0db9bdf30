// Sends publish requests to the broker, and answers each one when the broker has acknowledged it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mailbox.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/missing_answer.h"
#include "dapr_mqtt/core/suspicion.h"

namespace dapr_mqtt::publish {

class Caller;
class SendQueue;
class UnansweredPublishes;

struct PublisherLimits {
  /// Requests waiting or in flight; more are refused with RESOURCE_EXHAUSTED.
  std::size_t max_requests = 10'000;
  /// The limit for the sum of their payloads; a single request is always accepted.
  std::size_t max_bytes = 64U << 20U;
  /// How long publishes wait for a subscription that was opened before them.
  base::Duration max_hold = std::chrono::seconds(5);
  /// If the broker has not acknowledged a publish in this time, nor by its deadline, the connection
  /// is closed and made again.
  base::Duration ack_timeout = std::chrono::seconds(20);
};

/// Sends in the order of calls, with a window in flight. What was in flight when the connection
/// broke is sent again after the reconnect, as a new message, until its deadline. When the broker
/// closes the connection because of a publish, that publish is found (core::Suspicion) and fails;
/// all others go on.
///
/// Thread safety: all methods may be called from any thread; none blocks. All sending happens on
/// the executor, which the owner stops before destroying this.
class Publisher {
 public:
  /// The result of a publish. OK: the broker has acknowledged it, or with QoS 0, it was sent.
  /// UNAVAILABLE: no connection until the deadline; the text has the last cause. DEADLINE_EXCEEDED:
  /// connected, but no answer in time. FAILED_PRECONDITION: the broker closed the connection twice
  /// because of it. RESOURCE_EXHAUSTED: too many publishes are waiting.
  ///
  /// Runs exactly once: on the executor, inside publish(), or on the thread that brings the
  /// broker's answer. It must be quick.
  using Done = std::function<void(base::Status)>;
  using HoldId = std::uint64_t;
  /// Called on the executor when the broker does not acknowledge a publish. None: it acknowledges
  /// again, or a minute has passed since then.
  using Missing = std::function<void(const std::optional<core::MissingAnswer>&)>;

  Publisher(base::Executor& executor, core::BrokerPublisher& broker, core::Counters& counters,
            base::Log log, PublisherLimits limits = {}, Missing missing = {});
  ~Publisher();

  void publish(core::OutgoingMessage message, base::TimePoint deadline, Done done);

  /// Publishes that come after this call wait until the hold is released, or for max_hold at most.
  /// Earlier publishes go on.
  HoldId hold();
  void release(HoldId hold);  ///< idempotent

  /// Called by the connection's listener. `endpoint`: the index of the endpoint that it connected
  /// to.
  void connection_up(std::size_t endpoint = 0);
  void connection_down(base::Status cause, core::ConnectionEnd end);

  /// Calls `idle` on the executor as soon as nothing waits or is in flight.
  void when_idle(std::function<void()> idle);
  /// Answers all requests with UNAVAILABLE, later ones too.
  void stop();

 private:
  struct Request {
    core::OutgoingMessage message;
    base::TimePoint deadline;
    std::shared_ptr<Caller> caller;
  };
  struct Hold {
    HoldId id;
    base::TimePoint until;
  };
  struct Release {
    HoldId id;
  };
  struct Answer {
    std::uint64_t token;
    base::Status status;
  };
  struct Up {
    std::size_t endpoint;
  };
  struct Down {
    base::Status cause;
    core::ConnectionEnd end;
  };
  struct Idle {
    std::function<void()> call;
  };
  struct Stop {};
  using Event = std::variant<Request, Hold, Release, Answer, Up, Down, Idle, Stop>;

  void handle(std::vector<Event>& events);
  void answered(Answer& answer);
  void connected(const Up& up);
  void disconnected(Down& down);
  void reject(std::uint64_t token);
  void reconnect_if_unacknowledged(base::TimePoint now);
  void clear_missing_answer();
  bool admit(std::size_t bytes);
  void settle(Caller& caller, base::Status status);
  void show_pending(int requests, std::size_t bytes);
  void pump();
  void arm_timer();
  void call_idle_if_idle();

  base::Executor& executor_;
  core::BrokerPublisher& broker_;
  core::Counters& counters_;
  const base::Log log_;
  const PublisherLimits limits_;
  const Missing missing_;
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<HoldId> last_hold_{0};
  std::atomic<bool> backlog_{false};  // each answer wakes the executor, which has more to send

  // Used on the executor only.
  std::unique_ptr<SendQueue> queue_;
  bool connected_ = false;
  std::size_t endpoint_ = 0;  // the last one it was connected to
  bool stopped_ = false;
  base::Status last_cause_;
  core::Suspicion<std::uint64_t> suspicion_;
  std::vector<std::uint64_t> open_at_end_;  // in flight when the connection ended
  base::Status closed_because_;             // the last cause of kClosedOnRequest
  std::unique_ptr<UnansweredPublishes> unanswered_;
  base::RepeatFilter rejections_{10};
  base::Executor::TimerId missing_timer_ = 0;  // 0: the broker acknowledges, as far as is known
  base::Executor::TimerId timer_ = 0;
  base::TimePoint timer_at_{};
  std::function<void()> idle_;

  base::Mailbox<Event> mailbox_;  // last, since its handler uses all of the above
};

}  // namespace dapr_mqtt::publish
