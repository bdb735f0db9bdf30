#include "dapr_mqtt/delivery/intake_control.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::delivery {

IntakeControl::IntakeControl(bool stores, base::Executor& executor, core::Inbox& inbox,
                             core::Counters& counters, base::Log log, IntakeHooks hooks)
    : stores_(stores),
      executor_(executor),
      inbox_(inbox),
      counters_(counters),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      began_(executor.now()),
      self_(std::make_shared<IntakeControl*>(this)) {}

IntakeControl::~IntakeControl() {
  if (closed_timer_ != 0) executor_.cancel(closed_timer_);
  if (unopened_timer_ != 0) executor_.cancel(unopened_timer_);
}

base::Executor::TimerId IntakeControl::post_at(base::TimePoint when,
                                               void (IntakeControl::*method)()) {
  return executor_.post_at(when, [weak = std::weak_ptr<IntakeControl*>(self_), method] {
    if (const auto self = weak.lock()) ((*self)->*method)();
  });
}

void IntakeControl::opened(const core::TopicFilter& filter) {
  open_.insert(filter.str());
  closed_at_.erase(filter.str());
  // An app that has come back opens its subscriptions one after the other: all get the full time.
  if (open_.size() == 1) {
    for (auto& [name, since] : closed_at_) since = executor_.now();
    if (unopened_until_) unopened_until_ = executor_.now() + kReopenGrace;
  }
}

void IntakeControl::closed(const core::TopicFilter& filter) {
  open_.erase(filter.str());
  closed_at_[filter.str()] = executor_.now();
  arm_closed_timer();
}

void IntakeControl::arrived(bool inbox_full) {
  if (!stores_) arm_unopened_timer();
  check_limits(inbox_full);
}

std::size_t IntakeControl::discard(const core::TopicFilter& filter) {
  closed_at_.erase(filter.str());
  const std::size_t dropped = inbox_.discard(filter.str());
  if (!open_.contains(filter.str())) inbox_.order_by(filter.str(), std::nullopt);
  check_limits(false);
  return dropped;
}

void IntakeControl::check_limits(bool inbox_full) {
  if (!full_ && inbox_full) {
    const bool still_full = inbox_.full();
    if (still_full) abandon_closed();
    // Being just below the limit is not enough: the next message would reach it again.
    if (!still_full || inbox_.half_empty()) {
      if (hooks_.room) hooks_.room();
      return;
    }
    full_ = true;
    if (hooks_.full) hooks_.full();
    arm_closed_timer();
  }
  if (full_ && inbox_full && !overfull_ && inbox_.overfull()) {
    overfull_ = true;
    if (hooks_.overfull) hooks_.overfull();
  }
  if (full_ && inbox_.half_empty()) {
    full_ = overfull_ = false;
    if (hooks_.resume) hooks_.resume();
  }
}

void IntakeControl::abandon_unopened() {
  unopened_until_ = executor_.now();
  for (const std::string& name : inbox_.queues()) {
    if (open_.contains(name)) continue;
    const std::size_t messages = inbox_.abandon(name);
    if (messages == 0) continue;
    log_.warn(std::to_string(messages) + " message(s) of " +
              (name.empty() ? "no known subscription" : "topic filter " + base::quote(name)) +
              " wait for an app that subscribes; from now on they are dropped first when the inbox "
              "is full");
  }
  check_limits(false);
  arm_closed_timer();
}

/// Messages that wait for a subscription without a stream must not keep out those of the others.
/// While no stream is open at all, they keep out nobody's.
void IntakeControl::abandon_closed() {
  if (open_.empty()) return;
  for (const auto& [name, since] : closed_at_) {
    if (executor_.now() - since >= kReopenGrace) abandon(name, "has ended its subscription");
  }
  if (!unopened_until_ || executor_.now() < *unopened_until_) return;
  for (const std::string& name : inbox_.queues()) {
    if (!open_.contains(name) && !closed_at_.contains(name)) abandon(name, "subscribes");
  }
}

void IntakeControl::abandon(const std::string& queue, std::string_view awaited) {
  const std::size_t messages = inbox_.abandon(queue);
  if (messages == 0) return;
  if (const auto line = lines_.pass(
          queue,
          "the inbox is full, and " + std::to_string(messages) + " message(s) of " +
              (queue.empty() ? "no known subscription" : "topic filter " + base::quote(queue)) +
              " wait for an app that " + std::string(awaited) +
              ": they are dropped first, to make room for messages of open subscriptions",
          executor_.now())) {
    log_.warn(*line);
  }
}

void IntakeControl::arm_closed_timer() {
  if (!full_ || (closed_at_.empty() && !unopened_until_) || closed_timer_ != 0) return;
  // When the next subscription's time is over. When all are over: later again, since more messages
  // may have come in for them.
  base::TimePoint when = executor_.now() + kReopenGrace;
  for (const auto& [name, since] : closed_at_) {
    if (since + kReopenGrace > executor_.now()) when = std::min(when, since + kReopenGrace);
  }
  if (unopened_until_ > executor_.now()) when = std::min(when, *unopened_until_);
  closed_timer_ = post_at(when, &IntakeControl::on_closed_timer);
}

void IntakeControl::on_closed_timer() {
  closed_timer_ = 0;
  if (!full_) return;
  abandon_closed();
  check_limits(false);
  arm_closed_timer();
}

/// Without a disk, messages that wait for a subscription without a stream fill the broker's window
/// and hold back the messages of the other subscriptions.
void IntakeControl::arm_unopened_timer() {
  if (unopened_timer_ != 0) return;
  unopened_timer_ = post_at(executor_.now() + kReopenGrace / 4, &IntakeControl::drop_unopened);
}

void IntakeControl::drop_unopened() {
  unopened_timer_ = 0;
  bool waits = false;
  for (const std::string& name : inbox_.queues()) {
    if (open_.contains(name)) continue;
    waits = true;
    const auto closed = closed_at_.find(name);
    const base::TimePoint since = closed == closed_at_.end() ? began_ : closed->second;
    if (open_.empty() || executor_.now() - since < kReopenGrace) continue;
    const std::size_t messages = inbox_.discard(name);
    core::bump(counters_.dropped_ended, messages);
    if (const auto line = lines_.pass(
            name,
            "dropped " + std::to_string(messages) + " message(s) of " +
                (name.empty() ? "no open subscription" : "topic filter " + base::quote(name)) +
                ", since no app has subscribed to them in time: at the broker they would hold back "
                "messages of the other subscriptions. With inbox \"auto\" or \"disk\" they would "
                "be kept",
            executor_.now())) {
      log_.warn(*line);
    }
  }
  if (waits) arm_unopened_timer();
}

}  // namespace dapr_mqtt::delivery
