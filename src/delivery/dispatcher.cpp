#include "dapr_mqtt/delivery/dispatcher.h"

#include <algorithm>
#include <chrono>

#include "dapr_mqtt/base/text.h"
#include "delivery/delivery_queue.h"
#include "delivery/retry.h"

namespace dapr_mqtt::delivery {
namespace {

/// Hand-overs in one task: enough to be cheap, few enough that an
/// acknowledgement or a close waits some milliseconds at the most.
constexpr std::size_t kDeliveriesPerTask = 256;
/// Hand-overs before the next queue has its turn.
constexpr std::size_t kDeliveriesPerTurn = 16;
/// For what goes back unanswered: it comes before what is younger.
constexpr base::WallTime kInItsPlace{};

/// How log lines name a message.
std::string name_of(const core::Delivery& delivery, const core::TopicFilter& filter) {
  return "message " + std::to_string(delivery.id) + " on topic " +
         base::quote(delivery.message->topic) + " (filter " + base::quote(filter.str()) + ")";
}

}  // namespace

Dispatcher::Dispatcher(Policy policy, base::Executor& executor, const base::WallClock& clock,
                       core::Inbox& inbox, core::Counters& counters, base::Log log,
                       DispatcherHooks hooks)
    : policy_(policy),
      executor_(executor),
      clock_(clock),
      inbox_(inbox),
      counters_(counters),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      self_(std::make_shared<Dispatcher*>(this)),
      arrivals_(executor, guarded(&Dispatcher::on_arrivals)) {}

Dispatcher::~Dispatcher() {
  if (timer_ != 0) executor_.cancel(timer_);
}

base::Executor::Task Dispatcher::guarded(void (Dispatcher::*method)()) {
  return [weak = std::weak_ptr<Dispatcher*>(self_), method] {
    if (const auto self = weak.lock()) ((*self)->*method)();
  };
}

StreamId Dispatcher::open(const core::TopicFilter& filter,
                          std::shared_ptr<core::Subscriber> subscriber) {
  std::unique_ptr<DeliveryQueue>& queue = queues_[filter.str()];
  if (!queue) {
    queue = std::make_unique<DeliveryQueue>(filter, ++last_queue_);
    inbox_.claim(filter);
  }
  const StreamId id = ++last_stream_;
  auto stream = std::make_unique<DeliveryStream>(*queue, std::move(subscriber), policy_.window);
  queue->add(*stream);
  streams_.emplace(id, std::move(stream));
  show_window();
  make_runnable(*queue);
  return id;
}

void Dispatcher::close(StreamId id) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  const std::unique_ptr<DeliveryStream> stream = std::move(it->second);
  streams_.erase(it);
  for (const auto& [message, delivery] : stream->held) {
    inbox_.release(message, delivery.attempt - 1, kInItsPlace);
  }
  in_flight_ -= stream->held.size();
  show_window();
  DeliveryQueue& queue = stream->queue;
  queue.remove(*stream);
  if (queue.empty()) {
    remove_queue(queue);
  } else {
    make_runnable(queue);
  }
  finish_drain();
}

void Dispatcher::remove_queue(DeliveryQueue& queue) {
  forget_due(queue);
  if (queue.runnable) std::erase(runnable_, &queue);
  queues_.erase(queues_.find(queue.filter().str()));
}

void Dispatcher::acknowledge(StreamId id, core::InboxId message, std::optional<std::string> error) {
  const auto it = streams_.find(id);
  auto held = it == streams_.end() ? std::map<core::InboxId, core::Delivery>::node_type{}
                                   : it->second->held.extract(message);
  if (held.empty()) {
    core::bump(counters_.unknown_acks);
    return;
  }
  DeliveryStream& stream = *it->second;
  const core::Delivery& delivery = held.mapped();
  stream.window.remove(delivery.message->footprint());
  --in_flight_;
  show_window();
  counters_.handling_time.observe(executor_.now() - delivery.handed_over);
  if (error) {
    core::bump(counters_.failed);
    failed(stream.queue, delivery, *error);
  } else {
    core::bump(counters_.acknowledged);
    inbox_.settle(message);
  }
  watch_intake(false);
  make_runnable(stream.queue);
  finish_drain();
}

void Dispatcher::failed(DeliveryQueue& queue, const core::Delivery& delivery,
                        std::string_view error) {
  const std::uint32_t failures = delivery.attempt;
  const auto again = next_try(policy_, failures, clock_.now());
  if (!again) {
    give_up(queue, GivenUp::Reason::kRetriesSpent, delivery, error);
    return;
  }
  if (log_.debug_enabled()) {
    log_.debug("attempt " + std::to_string(failures) + " of " + name_of(delivery, queue.filter()) +
               " failed: " + base::quote(error) + "; next try in " +
               std::to_string(policy_.retry_interval.count()) + " ms");
  }
  inbox_.release(delivery.id, failures, *again);
}

void Dispatcher::give_up(const DeliveryQueue& queue, GivenUp::Reason reason,
                         const core::Delivery& delivery, std::string_view error) {
  const bool too_large = reason == GivenUp::Reason::kTooLarge;
  core::bump(too_large ? counters_.too_large : counters_.given_up);
  const std::string name = name_of(delivery, queue.filter());
  std::string line =
      too_large ? (hooks_.dead_letter ? "not delivered: " : "dropped ") + name +
                      ": with its payload of " + std::to_string(delivery.message->payload.size()) +
                      " bytes it is larger than Dapr takes"
                : "gave up " + name + " after " + std::to_string(delivery.attempt) +
                      (delivery.attempt == 1 ? " attempt" : " attempts") +
                      "; the app's error: " + base::quote(error);
  if (const auto passed = given_up_lines_.pass("given up", std::move(line), executor_.now())) {
    log_.warn(*passed);
  }
  const GivenUp given_up{reason, queue.filter(), delivery, error};
  if (hooks_.given_up) hooks_.given_up(given_up);
  if (!hooks_.dead_letter) return inbox_.settle(delivery.id);
  dead_letters_.insert(delivery.id);
  hooks_.dead_letter(given_up);
}

void Dispatcher::dead_lettered(core::InboxId id) {
  if (dead_letters_.erase(id) == 0) return;
  inbox_.settle(id);
  watch_intake(false);
  schedule_pump();
}

void Dispatcher::pause() { paused_ = true; }

void Dispatcher::resume() {
  paused_ = false;
  executor_.post(guarded(&Dispatcher::schedule_pump));
}

void Dispatcher::drain(std::function<void()> done) {
  draining_ = true;
  drained_.push_back(std::move(done));
  finish_drain();
}

void Dispatcher::finish_drain() {
  if (in_flight_ > 0) return;
  for (auto& done : std::exchange(drained_, {})) executor_.post(std::move(done));
}

std::size_t Dispatcher::discard(const core::TopicFilter& filter) {
  const std::size_t dropped = inbox_.discard(filter.str());
  watch_intake(false);
  return dropped;
}

void Dispatcher::abandon_unopened() {
  for (const std::string& name : inbox_.queues()) {
    if (queues_.contains(name)) continue;
    const std::size_t messages = inbox_.abandon(name);
    if (messages == 0) continue;
    log_.warn(std::to_string(messages) + " message(s) of " +
              (name.empty() ? "no known subscription" : "topic filter " + base::quote(name)) +
              " wait for an app that subscribes; from now on they are the first to go when the "
              "inbox is full");
  }
  watch_intake(false);
}

void Dispatcher::on_arrivals() {
  const Arrivals::Batch batch = arrivals_.take();
  for (const std::string& name : batch.queues) {
    if (const auto it = queues_.find(name); it != queues_.end()) make_runnable(*it->second);
  }
  if (batch.claim_again) {
    for (const auto& [name, queue] : queues_) {
      if (inbox_.claim(queue->filter()) > 0) make_runnable(*queue);
    }
  }
  watch_intake(batch.inbox_full);
}

void Dispatcher::watch_intake(bool inbox_full) {
  if (!intake_stopped_ && inbox_full && inbox_.full()) {
    intake_stopped_ = true;
    if (hooks_.intake_full) hooks_.intake_full();
  }
  if (intake_stopped_ && inbox_.half_empty()) {
    intake_stopped_ = false;
    if (hooks_.intake_resume) hooks_.intake_resume();
  }
}

void Dispatcher::make_runnable(DeliveryQueue& queue) {
  if (!queue.runnable) {
    queue.runnable = true;
    runnable_.push_back(&queue);
  }
  schedule_pump();
}

void Dispatcher::schedule_pump() {
  if (pump_posted_ || held_back() || runnable_.empty()) return;
  pump_posted_ = true;
  executor_.post(guarded(&Dispatcher::pump));
}

void Dispatcher::pump() {
  pump_posted_ = false;
  if (held_back()) return;
  const base::WallTime now = clock_.now();
  std::size_t budget = kDeliveriesPerTask;
  while (budget > 0 && !runnable_.empty() && !held_back()) {
    DeliveryQueue& queue = *runnable_.front();
    runnable_.pop_front();
    queue.runnable = run_turn(queue, now, budget);
    if (queue.runnable) runnable_.push_back(&queue);
  }
  schedule_pump();
  arm_timer();
}

/// False when the queue is idle until something happens to it: an arrival, an
/// acknowledgement, a stream that opens or closes, or its due time.
bool Dispatcher::run_turn(DeliveryQueue& queue, base::WallTime now, std::size_t& budget) {
  for (std::size_t n = 0; n < kDeliveriesPerTurn && budget > 0; ++n) {
    if (policy_.order == core::Inbox::Order::kStrict && queue.held() > 0) return false;
    if (held_back()) return true;
    DeliveryStream* stream = queue.next_with_room();
    if (stream == nullptr) return false;
    auto entry = inbox_.take(queue.filter().str(), now, policy_.order);
    if (!entry) {
      watch_due(queue);
      return false;
    }
    --budget;
    if (const auto end = entry->message->expires_at(); end && *end <= now) {
      expire(queue, *entry);
      continue;
    }
    queue.pass_turn();
    hand_over(queue, *stream, *std::move(entry), now);
  }
  return true;
}

void Dispatcher::expire(const DeliveryQueue& queue, const core::InboxEntry& entry) {
  core::bump(counters_.expired);
  if (log_.debug_enabled()) {
    log_.debug("message " + std::to_string(entry.id) + " on topic " +
               base::quote(entry.message->topic) + " (filter " +
               base::quote(queue.filter().str()) + ") expired while it waited");
  }
  inbox_.settle(entry.id);
  watch_intake(false);
}

void Dispatcher::hand_over(DeliveryQueue& queue, DeliveryStream& stream, core::InboxEntry entry,
                           base::WallTime now) {
  core::Delivery delivery{entry.id, entry.failures + 1, std::move(entry.message), std::nullopt};
  if (const auto end = delivery.message->expires_at()) {
    delivery.expires_in = std::chrono::ceil<std::chrono::seconds>(*end - now);
  }
  switch (stream.subscriber->deliver(delivery)) {
    case core::DeliverResult::kSent:
      core::bump(counters_.delivered);
      if (entry.failures > 0) core::bump(counters_.redelivered);
      stream.window.add(delivery.message->footprint());
      delivery.handed_over = executor_.now();
      stream.held.emplace(entry.id, std::move(delivery));
      ++in_flight_;
      show_window();
      return;
    case core::DeliverResult::kTooLarge:
      give_up(queue, GivenUp::Reason::kTooLarge, delivery, {});
      watch_intake(false);
      return;
    case core::DeliverResult::kClosed:
      stream.ended = true;
      inbox_.release(entry.id, entry.failures, kInItsPlace);
      return;
  }
}

void Dispatcher::show_window() {
  core::set(counters_.unacknowledged, static_cast<std::int64_t>(in_flight_));
  core::set(counters_.window, static_cast<std::int64_t>(streams_.size() * policy_.window.messages));
}

void Dispatcher::watch_due(DeliveryQueue& queue) {
  const auto due = inbox_.next_due(queue.filter().str(), policy_.order);
  if (queue.due == due) return;
  forget_due(queue);
  if (!due) return;
  queue.due = due;
  due_.emplace(DueKey{*due, queue.serial()}, &queue);
}

void Dispatcher::forget_due(DeliveryQueue& queue) {
  if (!queue.due) return;
  due_.erase(DueKey{*queue.due, queue.serial()});
  queue.due.reset();
}

void Dispatcher::arm_timer() {
  const auto earliest = due_.empty() ? std::nullopt : std::optional(due_.begin()->first.first);
  if (earliest == timer_for_) return;
  if (timer_ != 0) executor_.cancel(std::exchange(timer_, 0));
  timer_for_ = earliest;
  if (!earliest) return;
  const auto wait = std::max(*earliest - clock_.now(), std::chrono::milliseconds(0));
  timer_ = executor_.post_at(executor_.now() + wait, guarded(&Dispatcher::on_timer));
}

void Dispatcher::on_timer() {
  timer_ = 0;
  timer_for_.reset();
  const base::WallTime now = clock_.now();
  while (!due_.empty() && due_.begin()->first.first <= now) {
    DeliveryQueue& queue = *due_.begin()->second;
    forget_due(queue);
    make_runnable(queue);
  }
  arm_timer();
}

}  // namespace dapr_mqtt::delivery
