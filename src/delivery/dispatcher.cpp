#include "dapr_mqtt/delivery/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "delivery/app_watch.h"
#include "delivery/delivery_queue.h"

namespace dapr_mqtt::delivery {
namespace {

/// Hand-overs in one task: enough to be cheap, few enough that an acknowledgement or a close waits
/// for some milliseconds at most.
constexpr std::size_t kDeliveriesPerTask = 256;
/// The same on a thread that has entered the executor and has other work to do. Copying and writing
/// takes time on that thread too, so its bytes are limited as well: the executor's own thread
/// delivers the rest.
constexpr std::size_t kDeliveriesEntered = 64;
constexpr std::size_t kBytesEntered = 256U << 10U;
/// Hand-overs before the next queue has its turn.
constexpr std::size_t kDeliveriesPerTurn = 16;
/// Often many messages expire together: one log line reports those of this time.
constexpr std::chrono::seconds kExpiredReportDelay{1};

}  // namespace

Dispatcher::Dispatcher(Policy policy, base::Executor& executor, const base::WallClock& clock,
                       core::Inbox& inbox, IntakeControl& intake, core::Counters& counters,
                       base::Log log, DispatcherHooks hooks)
    : policy_(policy),
      executor_(executor),
      clock_(clock),
      inbox_(inbox),
      intake_(intake),
      counters_(counters),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      self_(std::make_shared<Dispatcher*>(this)),
      arrivals_(executor, guarded(&Dispatcher::on_arrivals)),
      apps_(std::make_unique<AppWatch>(executor, inbox, counters, log_,
                                       [this](DeliveryStream& s) { make_runnable(s.queue); })) {}

Dispatcher::~Dispatcher() {
  if (timer_ != 0) executor_.cancel(timer_);
  if (expired_timer_ != 0) executor_.cancel(expired_timer_);
  report_expired();
}

base::Executor::Task Dispatcher::guarded(void (Dispatcher::*method)()) {
  return [weak = std::weak_ptr<Dispatcher*>(self_), method] {
    if (const auto self = weak.lock()) ((*self)->*method)();
  };
}

StreamId Dispatcher::open(const core::TopicFilter& filter,
                          std::shared_ptr<core::Subscriber> subscriber,
                          const core::DeliveryOrder& order) {
  std::unique_ptr<DeliveryQueue>& queue = queues_[filter.str()];
  const bool first = !queue;
  if (first) {
    queue = std::make_unique<DeliveryQueue>(filter, ++last_queue_, order);
    inbox_.claim(filter);
    intake_.opened(filter);
  }
  if (first || queue->order() != order) {
    forget_due(*queue);
    queue->set_order(order);
    inbox_.order_by(filter.str(), queue->inbox_key());
  }
  const StreamId id = ++last_stream_;
  auto stream = std::make_unique<DeliveryStream>(*queue, std::move(subscriber), policy_.window);
  queue->add(*stream);
  streams_.emplace(id, std::move(stream));
  show_window();
  apps_->opened();
  make_runnable(*queue);
  return id;
}

void Dispatcher::close(StreamId id) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  const std::unique_ptr<DeliveryStream> stream = std::move(it->second);
  streams_.erase(it);
  apps_->closed(*stream);
  for (const auto& [message, delivery] : stream->held) {
    inbox_.release(message, delivery.attempt - 1, core::Inbox::kInItsPlace);
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
  const core::TopicFilter filter = queue.filter();
  queues_.erase(queues_.find(filter.str()));
  blocked_lines_.erase(filter.str());
  intake_.closed(filter);
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

void Dispatcher::on_arrivals() {
  const Arrivals::Batch batch = arrivals_.take();
  if (hooks_.arrived) hooks_.arrived();
  for (const std::string& name : batch.queues) {
    if (const auto it = queues_.find(name); it != queues_.end()) make_runnable(*it->second);
  }
  if (batch.claim_again) {
    for (const auto& [name, queue] : queues_) {
      if (inbox_.claim(queue->filter()) > 0) make_runnable(*queue);
    }
  }
  intake_.arrived(batch.inbox_full);
}

void Dispatcher::make_runnable(DeliveryQueue& queue) {
  if (!queue.runnable) {
    queue.runnable = true;
    runnable_.push_back(&queue);
  }
  schedule_pump();
}

/// `on_own_thread`: the task runs on the executor's own thread, where it may take long and read
/// from a disk.
void Dispatcher::schedule_pump(bool on_own_thread) {
  if (pump_posted_ || held_back() || runnable_.empty()) return;
  pump_posted_ = true;
  auto task = guarded(&Dispatcher::pump);
  on_own_thread ? executor_.post(std::move(task)) : executor_.post_quick(std::move(task));
}

void Dispatcher::pump() {
  pump_posted_ = false;
  if (held_back()) return;
  const base::WallTime now = clock_.now();
  Budget budget = executor_.may_block()
                      ? Budget{kDeliveriesPerTask, std::numeric_limits<std::size_t>::max()}
                      : Budget{kDeliveriesEntered, kBytesEntered};
  std::vector<DeliveryQueue*> on_disk;
  while (!budget.spent() && !runnable_.empty() && !held_back()) {
    DeliveryQueue& queue = *runnable_.front();
    runnable_.pop_front();
    const Turn turn = run_turn(queue, now, budget);
    queue.runnable = turn != Turn::kOver;
    if (turn == Turn::kMore) runnable_.push_back(&queue);
    if (turn == Turn::kOnDisk) on_disk.push_back(&queue);
  }
  runnable_.insert(runnable_.end(), on_disk.begin(), on_disk.end());
  schedule_pump(!on_disk.empty() || budget.bytes == 0);
  arm_timer();
}

/// kOver: the queue is idle until an arrival, an acknowledgement, a stream that opens or closes, or
/// its due time. kMore: it may have more to hand over. kOnDisk: its next message has to be read
/// from the disk.
Dispatcher::Turn Dispatcher::run_turn(DeliveryQueue& queue, base::WallTime now, Budget& budget) {
  for (std::size_t n = 0; n < kDeliveriesPerTurn && !budget.spent(); ++n) {
    if (queue.mode() == core::ConcurrencyMode::kSingle && queue.held() > 0) return Turn::kOver;
    if (held_back()) return Turn::kMore;
    DeliveryStream* stream = queue.next_with_room();
    if (stream == nullptr) return Turn::kOver;
    auto [entry, on_disk] = take(queue, now);
    if (on_disk) return Turn::kOnDisk;
    if (!entry) {
      watch_due(queue);
      return Turn::kOver;
    }
    budget.spend(entry->message->footprint());
    if (const auto end = entry->message->expires_at(); end && *end <= now) {
      expire(queue, *entry);
      continue;
    }
    if (entry->message->full_size > 0) {
      give_up(queue, GivenUp::Reason::kTooLarge,
              {entry->id, entry->failures + 1, std::move(entry->message)}, {});
      intake_.settled();
      continue;
    }
    queue.pass_turn();
    hand_over(queue, *stream, *std::move(entry), now);
  }
  return Turn::kMore;
}

core::Inbox::FromMemory Dispatcher::take(const DeliveryQueue& queue, base::WallTime now) {
  if (!executor_.may_block()) {
    return inbox_.take_from_memory(queue.filter().str(), now, queue.inbox_order());
  }
  return {inbox_.take(queue.filter().str(), now, queue.inbox_order())};
}

void Dispatcher::expire(const DeliveryQueue& queue, const core::InboxEntry& entry) {
  core::bump(counters_.expired);
  ++expired_[queue.filter().str()];
  if (expired_timer_ == 0) {
    expired_timer_ = executor_.post_at(executor_.now() + kExpiredReportDelay,
                                       guarded(&Dispatcher::report_expired));
  }
  if (log_.debug_enabled()) {
    log_.debug("message " + std::to_string(entry.id) + " on topic " +
               base::quote(entry.message->topic) + " (filter " + base::quote(queue.filter().str()) +
               ") expired while it waited");
  }
  inbox_.settle(entry.id);
  intake_.settled();
}

void Dispatcher::report_expired() {
  expired_timer_ = 0;
  for (const auto& [filter, messages] : std::exchange(expired_, {})) {
    log_.warn(std::to_string(messages) + " message(s) of topic filter " + base::quote(filter) +
              " expired while they waited for the app (their sender's message expiry interval): "
              "dropped");
  }
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
      apps_->handed_over(stream);
      stream.held.emplace(entry.id, std::move(delivery));
      ++in_flight_;
      show_window();
      return;
    case core::DeliverResult::kTooLarge:
      give_up(queue, GivenUp::Reason::kTooLarge, delivery, {});
      intake_.settled();
      return;
    case core::DeliverResult::kClosed:
      stream.ended = true;
      inbox_.release(entry.id, entry.failures, core::Inbox::kInItsPlace);
      return;
  }
}

bool Dispatcher::waits_for_keys() const {
  if (held_back()) return false;
  for (const auto& [name, queue] : queues_) {
    if (queue->mode() == core::ConcurrencyMode::kOrdered && !queue->runnable && queue->held() > 0 &&
        queue->next_with_room() != nullptr) {
      return true;
    }
  }
  return false;
}

void Dispatcher::show_window() {
  core::set(counters_.unacknowledged, static_cast<std::int64_t>(in_flight_));
  core::set(counters_.window, static_cast<std::int64_t>(window()));
}

void Dispatcher::watch_due(DeliveryQueue& queue) {
  const auto due = inbox_.next_due(queue.filter().str(), queue.inbox_order());
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
