#include "dapr_mqtt/publish/publisher.h"

#include <utility>

#include "dapr_mqtt/base/text.h"
#include "publish/send_queue.h"

namespace dapr_mqtt::publish {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

Publisher::Publisher(base::Executor& executor, core::BrokerPublisher& broker,
                     core::Counters& counters, PublisherLimits limits)
    : executor_(executor),
      broker_(broker),
      counters_(counters),
      limits_(limits),
      queue_(std::make_unique<SendQueue>()),
      last_cause_(base::unavailable("not connected yet")),
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
void Publisher::connection_up() { mailbox_.push(Up{}); }
void Publisher::connection_down(base::Status cause) { mailbox_.push(Down{std::move(cause)}); }
void Publisher::when_idle(std::function<void()> idle) { mailbox_.push(Idle{std::move(idle)}); }
void Publisher::stop() { mailbox_.push(Stop{}); }

void Publisher::handle(std::vector<Event>& events) {
  for (Event& event : events) {
    std::visit(
        Overloaded{
            [&](Request& r) {
              if (stopped_) return settle(*r.caller, base::unavailable("the instance is closing"));
              queue_->push({std::move(r.message), r.deadline, std::move(r.caller), false});
            },
            [&](Hold& h) {
              if (!stopped_) queue_->push_hold(h.id, h.until);
            },
            [&](Release& r) { queue_->release_hold(r.id); },
            [&](Answer& a) {
              if (a.status.kind() == base::ErrorKind::kUnavailable && !stopped_) {
                queue_->send_again(a.token);
                core::bump(counters_.publish_resent);
                return;
              }
              if (auto entry = queue_->finish(a.token)) {
                settle(*entry->caller, std::move(a.status));
              }
            },
            [&](Up&) { connected_ = true; },
            [&](Down& d) {
              connected_ = false;
              last_cause_ = std::move(d.cause);
            },
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

/// On any thread.
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
        !connected_ ? base::unavailable(topic + "no connection to the broker in time: " +
                                        last_cause_.message())
        : entry.in_flight
            ? base::deadline_exceeded(topic + "the broker has not acknowledged it in time")
        : held ? base::deadline_exceeded(
                     topic + "waited for a subscription that was opened before it")
               : base::deadline_exceeded(topic +
                                         "not sent in time: earlier publishes wait for the broker");
    settle(*entry.caller, std::move(status));
  }
  while (connected_ && !stopped_) {
    const auto next =
        queue_->start_next([this](core::QoS qos) { return broker_.max_in_flight(qos); });
    if (!next) break;
    const SendQueue::Token token = next->token;
    base::Status status = broker_.publish(
        *next->message, [this, token, caller = next->caller](base::Status answer) {
          if (!answer.ok() || backlog_.load(std::memory_order_relaxed)) {
            return mailbox_.push(Answer{token, std::move(answer)});
          }
          // At once: the caller need not wait until the executor has woken up for it.
          settle(*caller, {});
          mailbox_.push_quietly(Answer{token, {}});
        });
    if (status.ok()) continue;
    const bool later = status.kind() == base::ErrorKind::kUnavailable ||
                       (status.kind() == base::ErrorKind::kResourceExhausted &&
                        queue_->in_flight() > 1);
    if (later) {
      // Goes out when the connection is back, or when an answer makes room.
      queue_->send_again(token);
      break;
    }
    if (auto entry = queue_->finish(token)) {
      settle(*entry->caller, std::move(status));
    }
  }
  arm_timer();
  call_idle_if_idle();
  // With nothing that waits for room in the window, or for the end, answers may lie.
  const bool backlog = queue_->any_waits();
  backlog_.store(backlog, std::memory_order_relaxed);
  mailbox_.attend(backlog || idle_ != nullptr);
}

void Publisher::arm_timer() {
  const auto next = queue_->next_deadline();
  if (!next) return;
  // A timer that comes too early only looks again; one later than needed is replaced.
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
