#include "dapr_mqtt/publish/publisher.h"

#include <utility>

#include "dapr_mqtt/base/overloaded.h"
#include "dapr_mqtt/base/text.h"
#include "publish/rejection.h"
#include "publish/send_queue.h"

namespace dapr_mqtt::publish {
namespace {

/// The answer to a publish with a payload of this size wakes the executor, which frees the payload.
constexpr std::size_t kLargePayload = 64U << 10U;

/// After this time, a missing acknowledgement no longer counts against the broker.
constexpr base::Duration kMissingFor = std::chrono::minutes(1);

}  // namespace

Publisher::Publisher(base::Executor& executor, core::BrokerPublisher& broker,
                     core::Counters& counters, base::Log log, PublisherLimits limits,
                     Missing missing)
    : executor_(executor),
      broker_(broker),
      counters_(counters),
      log_(std::move(log)),
      limits_(limits),
      missing_(std::move(missing)),
      queue_(std::make_unique<SendQueue>(limits.ack_timeout)),
      last_cause_(base::unavailable("not connected yet")),
      unanswered_(std::make_unique<UnansweredPublishes>()),
      mailbox_(executor, [this](std::vector<Event>& events) { handle(events); }) {}

Publisher::~Publisher() = default;

bool Publisher::admit(std::size_t bytes) {
  if (requests_.fetch_add(1) >= limits_.max_requests) {
    requests_.fetch_sub(1);
    return false;
  }
  const std::size_t before = bytes_.fetch_add(bytes);
  if (before != 0 && before + bytes > limits_.max_bytes) {
    bytes_.fetch_sub(bytes);
    requests_.fetch_sub(1);
    return false;
  }
  return true;
}

void Publisher::publish(core::OutgoingMessage message, base::TimePoint deadline, Done done) {
  const std::size_t bytes = message.payload.size();
  if (!admit(bytes)) {
    core::bump(counters_.publish_queue_full);
    done(base::resource_exhausted(
        "topic " + base::quote(message.topic.str()) + ": " + std::to_string(requests_.load()) +
        " publishes (" + std::to_string(bytes_.load()) +
        " bytes) wait for the broker already; publish more slowly or try again later"));
    return;
  }
  show_pending(1, bytes);
  mailbox_.push(Request{std::move(message), deadline,
                        std::make_shared<Caller>(std::move(done), bytes, executor_.now())});
}

Publisher::HoldId Publisher::hold() {
  const HoldId id = ++last_hold_;
  mailbox_.push(Hold{id, executor_.now() + limits_.max_hold});
  return id;
}

void Publisher::release(HoldId hold) { mailbox_.push(Release{hold}); }
void Publisher::connection_up(std::size_t endpoint) { mailbox_.push(Up{endpoint}); }
void Publisher::connection_down(base::Status cause, core::ConnectionEnd end) {
  mailbox_.push(Down{std::move(cause), end});
}
void Publisher::when_idle(std::function<void()> idle) { mailbox_.push(Idle{std::move(idle)}); }
void Publisher::stop() { mailbox_.push(Stop{}); }

void Publisher::handle(std::vector<Event>& events) {
  for (Event& event : events) {
    std::visit(base::Overloaded{
                   [&](Request& r) {
                     if (stopped_)
                       return settle(*r.caller, base::unavailable("the instance is closing"));
                     queue_->push({std::move(r.message), r.deadline, std::move(r.caller), false});
                   },
                   [&](Hold& h) {
                     if (!stopped_) queue_->push_hold(h.id, h.until);
                   },
                   [&](Release& r) { queue_->release_hold(r.id); },
                   [&](Answer& a) { answered(a); },
                   [&](Up& u) { connected(u); },
                   [&](Down& d) { disconnected(d); },
                   [&](Idle& i) { idle_ = std::move(i.call); },
                   [&](Stop&) {
                     stopped_ = true;
                     for (SendQueue::Entry& entry : queue_->take_all()) {
                       settle(*entry.caller, base::unavailable("the instance is closing"));
                     }
                   },
               },
               event);
  }
  pump();
}

void Publisher::answered(Answer& answer) {
  if (answer.status.kind() == base::ErrorKind::kUnavailable && !stopped_) {
    open_at_end_.push_back(answer.token);
    queue_->send_again(answer.token);
    core::bump(counters_.publish_resent);
    return;
  }
  auto entry = queue_->finish(answer.token);
  if (!entry) return;
  // The broker does not answer QoS 0: it was only written to the connection.
  if (entry->message.qos != core::QoS::kAtMostOnce) {
    suspicion_.answered(answer.token);
    clear_missing_answer();
  }
  settle(*entry->caller, std::move(answer.status));
}

void Publisher::connected(const Up& up) {
  connected_ = true;
  const bool elsewhere = std::exchange(endpoint_, up.endpoint) != up.endpoint;
  open_at_end_.clear();
  if (const auto token = suspicion_.connected(elsewhere)) reject(*token);
}

void Publisher::disconnected(Down& down) {
  connected_ = false;
  last_cause_ = std::move(down.cause);
  const std::vector<SendQueue::Token> open = std::exchange(open_at_end_, {});
  if (down.end != core::ConnectionEnd::kClosedOnRequest) return suspicion_.not_connected();
  closed_because_ = last_cause_;
  suspicion_.closed_by_broker(open);
  if (const auto line = unanswered_->closed(executor_.now())) log_.warn(*line);
}

/// Connects again when a publish is not acknowledged: a window full of such publishes would stop
/// all publishing.
void Publisher::reconnect_if_unacknowledged(base::TimePoint now) {
  const SendQueue::Entry* entry = queue_->unacknowledged(now);
  if (entry == nullptr || !connected_ || stopped_) return;
  const bool twice = entry->message.qos == core::QoS::kExactlyOnce;
  const core::MissingAnswer answer{
      twice ? "PUBREC or PUBCOMP" : "PUBACK", entry->message.topic.str(),
      std::chrono::duration_cast<std::chrono::seconds>(now - entry->sent)};
  core::bump(counters_.publish_acks_missing);
  if (missing_) missing_(answer);
  if (missing_timer_ != 0) executor_.cancel(missing_timer_);
  missing_timer_ = executor_.post_at(now + kMissingFor, [this] { clear_missing_answer(); });
  broker_.reconnect(answer.status());
}

void Publisher::clear_missing_answer() {
  if (missing_timer_ == 0) return;
  executor_.cancel(std::exchange(missing_timer_, 0));
  if (missing_) missing_(std::nullopt);
}

void Publisher::reject(SendQueue::Token token) {
  auto entry = queue_->finish(token);
  if (!entry) return;
  base::Status status = rejected({entry->message, entry->caller->bytes()}, closed_because_);
  if (const auto line = rejections_.pass("rejected", status.message(), executor_.now())) {
    log_.error(*line);
  }
  settle(*entry->caller, std::move(status));
}

/// Called on any thread.
void Publisher::settle(Caller& caller, base::Status status) {
  if (!caller.claim()) return;
  const std::size_t bytes = caller.bytes();
  requests_.fetch_sub(1);
  bytes_.fetch_sub(bytes);
  show_pending(-1, bytes);
  if (status.ok()) {
    core::bump(counters_.published);
    core::bump(counters_.published_bytes, bytes);
    counters_.publish_time.observe(executor_.now() - caller.requested());
  } else {
    core::bump(counters_.publish_failed);
  }
  caller.done(std::move(status));
}

void Publisher::show_pending(int requests, std::size_t bytes) {
  core::add(counters_.publishes_pending, requests);
  core::add(counters_.publish_bytes_pending, requests * static_cast<std::int64_t>(bytes));
}

void Publisher::pump() {
  const base::TimePoint now = executor_.now();
  queue_->expire_holds(now);
  const bool held = queue_->held();
  for (SendQueue::Entry& entry : queue_->expire(now)) {
    const std::string topic = "topic " + base::quote(entry.message.topic.str()) + ": ";
    base::Status status =
        !connected_ ? base::unavailable(
                          topic + "no connection to the broker in time: " + last_cause_.message())
        : entry.in_flight
            ? base::deadline_exceeded(topic + "the broker has not acknowledged it in time")
        : held
            ? base::deadline_exceeded(topic + "waited for a subscription that was opened before it")
            : base::deadline_exceeded(topic +
                                      "not sent in time: earlier publishes wait for the broker");
    settle(*entry.caller, std::move(status));
  }
  reconnect_if_unacknowledged(now);
  if (suspicion_.open()) {
    suspicion_.keep_if([this](SendQueue::Token token) { return queue_->contains(token); });
  }
  while (connected_ && !stopped_) {
    const auto next = queue_->start_next(
        [this](SendQueue::Token token, core::QoS qos) {
          return suspicion_.window(token, broker_.max_in_flight(qos));
        },
        now);
    if (!next) break;
    const SendQueue::Token token = next->token;
    base::Status status =
        broker_.publish(*next->message, [this, token, caller = next->caller](base::Status answer) {
          if (!answer.ok() || backlog_.load(std::memory_order_relaxed)) {
            return mailbox_.push(Answer{token, std::move(answer)});
          }
          // The caller is answered at once, so that it need not wait for the executor to wake up.
          const std::size_t bytes = caller->bytes();
          settle(*caller, {});
          if (bytes >= kLargePayload) return mailbox_.push(Answer{token, {}});
          mailbox_.push_quietly(Answer{token, {}});
        });
    if (status.ok()) {
      suspicion_.sent();
      if (next->message->qos == core::QoS::kAtMostOnce) unanswered_->sent(*next->message, now);
      continue;
    }
    const bool later =
        status.kind() == base::ErrorKind::kUnavailable ||
        (status.kind() == base::ErrorKind::kResourceExhausted && queue_->in_flight() > 1);
    if (later) {
      // It is sent when the connection is back, or when an answer makes room in the window.
      queue_->send_again(token);
      break;
    }
    if (auto entry = queue_->finish(token)) {
      settle(*entry->caller, std::move(status));
    }
  }
  arm_timer();
  call_idle_if_idle();
  // Answers may stay in the mailbox unless something waits for them: a request for room in the
  // window, missing_ for an acknowledgement, or idle_ for the last answer.
  const bool backlog = queue_->any_waits() || missing_timer_ != 0;
  backlog_.store(backlog, std::memory_order_relaxed);
  mailbox_.schedule_all(backlog || idle_ != nullptr);
}

void Publisher::arm_timer() {
  const auto next = queue_->next_deadline();
  if (!next) return;
  // A timer that comes too early does no harm; one that would come too late is replaced.
  if (timer_ != 0 && timer_at_ <= *next) return;
  if (timer_ != 0) executor_.cancel(timer_);
  timer_at_ = *next;
  timer_ = executor_.post_at(*next, [this] {
    timer_ = 0;
    mailbox_.hand_over();
  });
}

void Publisher::call_idle_if_idle() {
  if (!idle_ || requests_.load() != 0) return;
  std::exchange(idle_, nullptr)();
}

}  // namespace dapr_mqtt::publish
