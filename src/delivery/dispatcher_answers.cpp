// What the dispatcher does with an answer: the message is settled, tried again, given up, or put
// back uncounted.
#include <chrono>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/delivery/dispatcher.h"
#include "delivery/app_watch.h"
#include "delivery/delivery_queue.h"
#include "delivery/retry.h"

namespace dapr_mqtt::delivery {
namespace {

/// A message that holds up others is reported when it has failed for so long, or so many times (if
/// the tries follow one another quickly).
constexpr std::chrono::seconds kLong{10};
constexpr std::uint32_t kManyFailures = 20;
/// Log lines in a minute, for each filter.
constexpr int kBlockedLines = 3;

/// How log lines name a message.
std::string name_of(const core::Delivery& delivery, const core::TopicFilter& filter) {
  return "message " + std::to_string(delivery.id) + " on topic " +
         base::quote(delivery.message->topic) + " (filter " + base::quote(filter.str()) + ")";
}

}  // namespace

void Dispatcher::acknowledge(StreamId id, core::InboxId message,
                             std::optional<core::DeliveryError> error) {
  const auto it = streams_.find(id);
  const bool in_order = it != streams_.end() && !it->second->held.empty() &&
                        it->second->held.begin()->first == message;
  auto held = it == streams_.end() ? std::map<core::InboxId, core::Delivery>::node_type{}
                                   : it->second->held.extract(message);
  if (held.empty()) {
    core::bump(counters_.unknown_acks);
    return;
  }
  DeliveryStream& stream = *it->second;
  const core::Delivery& delivery = held.mapped();
  stream.window.remove(delivery.message->footprint());
  pace_.answered(executor_.now(), delivery.handed_over, in_order, in_flight_);
  --in_flight_;
  show_window();
  answer(stream, delivery, error);
  intake_.settled();
  make_runnable(stream.queue);
  finish_drain();
}

void Dispatcher::answer(DeliveryStream& stream, const core::Delivery& delivery,
                        const std::optional<core::DeliveryError>& error) {
  using Kind = core::DeliveryError::Kind;
  const bool reached = !error || error->kind == Kind::kFailed;
  if (!reached) {
    apps_->not_reached(stream, *error);
    if (error->kind == Kind::kUnreachable || !apps_->interrupted_too_often(delivery.id)) {
      return inbox_.release(delivery.id, delivery.attempt - 1, core::Inbox::kInItsPlace);
    }
  } else {
    counters_.handling_time.observe(executor_.now() - delivery.handed_over);
    apps_->answered(stream);
    apps_->forget(delivery.id);
  }
  if (error) {
    core::bump(counters_.failed);
    failed(stream.queue, delivery, error->text);
  } else {
    core::bump(counters_.acknowledged);
    inbox_.settle(delivery.id);
  }
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
  if (queue.mode() != core::ConcurrencyMode::kParallel) report_blocked(queue, delivery, error);
  inbox_.release(delivery.id, failures, *again);
}

/// Reports a failing message that other messages wait for.
void Dispatcher::report_blocked(const DeliveryQueue& queue, const core::Delivery& delivery,
                                std::string_view error) {
  const bool single = queue.mode() == core::ConcurrencyMode::kSingle;
  if (delivery.attempt < kManyFailures && delivery.attempt * policy_.retry_interval < kLong) return;
  std::string line =
      name_of(delivery, queue.filter()) + " has failed " + std::to_string(delivery.attempt) +
      (delivery.attempt == 1 ? " time" : " times") + ", and " +
      (single ? "all of the filter's messages wait for it (concurrencyMode single)"
              : "those that came later with its key wait for it (concurrencyMode ordered)") +
      "; daprd says: " + base::quote(error) + "; next try in " +
      std::to_string(policy_.retry_interval.count()) + " ms";
  auto& lines = blocked_lines_.try_emplace(queue.filter().str(), kBlockedLines).first->second;
  if (const auto passed = lines.pass("blocked", std::move(line), executor_.now())) {
    log_.warn(*passed);
  }
}

void Dispatcher::give_up(const DeliveryQueue& queue, GivenUp::Reason reason,
                         const core::Delivery& delivery, std::string_view error) {
  const bool too_large = reason == GivenUp::Reason::kTooLarge;
  const std::size_t full_size = delivery.message->full_size;
  // The intake has already counted and reported a message that was not received whole.
  if (full_size == 0) core::bump(too_large ? counters_.too_large : counters_.given_up);
  if (full_size == 0 || !hooks_.dead_letter) report_given_up(queue, reason, delivery, error);
  const GivenUp given_up{reason, queue.filter(), delivery, error};
  if (hooks_.given_up) hooks_.given_up(given_up);
  if (!hooks_.dead_letter) return inbox_.settle(delivery.id);
  dead_letters_.emplace(delivery.id, queue.filter().str());
  hooks_.dead_letter(given_up);
}

void Dispatcher::report_given_up(const DeliveryQueue& queue, GivenUp::Reason reason,
                                 const core::Delivery& delivery, std::string_view error) {
  const core::IncomingMessage& message = *delivery.message;
  const std::size_t size = message.full_size > 0 ? message.full_size : message.payload.size();
  const std::string name = name_of(delivery, queue.filter());
  std::string line =
      reason == GivenUp::Reason::kTooLarge
          ? (hooks_.dead_letter ? "not delivered: " : "dropped ") + name +
                ": with its payload of " + std::to_string(size) +
                " bytes it is larger than the 4 MiB that Dapr takes, metadata and event included"
          : "gave up " + name + " after " + std::to_string(delivery.attempt) +
                (delivery.attempt == 1 ? " attempt" : " attempts") +
                "; daprd says: " + base::quote(error);
  if (const auto passed = given_up_lines_.pass("given up", std::move(line), executor_.now())) {
    log_.warn(*passed);
  }
}

void Dispatcher::dead_lettered(core::InboxId id) {
  const auto dead_letter = dead_letters_.extract(id);
  if (dead_letter.empty()) return;
  inbox_.settle(id);
  intake_.settled();
  // The next message with its key may be delivered now.
  if (const auto it = queues_.find(dead_letter.mapped()); it != queues_.end()) {
    make_runnable(*it->second);
  }
  schedule_pump();
}

}  // namespace dapr_mqtt::delivery
