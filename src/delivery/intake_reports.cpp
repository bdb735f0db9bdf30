#include "delivery/intake_reports.h"

#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::delivery {
namespace {

constexpr std::size_t kQueuesNamed = 8;  // in one line, which must not become too long

std::string plural(std::size_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string name_of(std::string_view queue) {
  return queue.empty() ? "no subscription" : "filter " + base::quote(queue);
}

std::string seconds_since(base::TimePoint then, base::TimePoint now) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - then).count()) +
         " s";
}

}  // namespace

IntakeReports::~IntakeReports() {
  std::string line;
  {
    base::MutexLock lock(mutex_);
    if (!dropped_.empty()) line = take_dropped_line();
  }
  if (!line.empty()) log_.warn(line);
}

std::optional<std::string> IntakeReports::admit(Kind& kind) {
  const base::TimePoint now = time_.now();
  if (kind.written && now - *kind.written < kInterval) {
    ++kind.held_back;
    return std::nullopt;
  }
  std::string suffix;
  if (kind.held_back > 0) {
    suffix = " (and " + std::to_string(kind.held_back) + " more in the last " +
             seconds_since(*kind.written, now) + ")";
  }
  kind = {now, 0};
  return suffix;
}

void IntakeReports::too_large(std::string_view topic, std::size_t bytes, bool becomes_dead_letter) {
  std::optional<std::string> suffix;
  {
    base::MutexLock lock(mutex_);
    suffix = admit(too_large_);
  }
  if (!suffix) return;
  const std::string what = becomes_dead_letter ? "not delivered: a message" : "dropped a message";
  log_.warn(what + " on topic " + base::quote(topic) + ": its payload of " + plural(bytes, "byte") +
            " is more than Dapr takes (" + std::to_string(kMaxPayload) + ")" +
            (becomes_dead_letter ? "; its beginning goes to the dead-letter topic" : "") + *suffix);
}

void IntakeReports::not_stored(std::string_view queue, const base::Status& error) {
  std::optional<std::string> suffix;
  {
    base::MutexLock lock(mutex_);
    suffix = admit(not_stored_);
  }
  if (!suffix) return;
  log_.error("a message of " + name_of(queue) + " could not be stored: " + error.message() +
             *suffix);
}

void IntakeReports::rewritten(std::string_view topic, std::string_view filter) {
  {
    base::MutexLock lock(mutex_);
    if (std::exchange(rewritten_, true)) return;
  }
  log_.info("messages that were subscribed to as " + base::quote(filter) + " come on topics like " +
            base::quote(topic) +
            ", as brokers do with $queue/, $exclusive/ and (RabbitMQ) with dots: "
            "they are delivered to that subscription");
}

void IntakeReports::unrouted(std::string_view topic, bool waits) {
  std::optional<std::string> suffix;
  {
    base::MutexLock lock(mutex_);
    suffix = admit(unrouted_);
  }
  if (!suffix) return;
  const std::string what =
      "a message came on topic " + base::quote(topic) + ", which matches no subscription: ";
  log_.warn(
      what +
      (waits
           ? "it waits for an app that subscribes to it. Either the session has a subscription "
             "that was not made here (but by an earlier app, or by another program with this "
             "consumerID), or the broker rewrites topics: subscribe to a filter that matches this "
             "topic, or use another consumerID"
           : "it is dropped. Its subscription has just ended, or the broker rewrites topics: "
             "subscribe to a filter that matches this topic") +
      *suffix);
}

void IntakeReports::dropped(const std::vector<core::Evicted>& evicted) {
  if (evicted.empty()) return;
  std::string line;
  {
    base::MutexLock lock(mutex_);
    for (const core::Evicted& e : evicted) {
      if (dropped_.size() >= kQueuesNamed && !dropped_.contains(e.queue)) {
        dropped_elsewhere_ += e.messages;
      } else {
        dropped_[e.queue] += e.messages;
      }
    }
    if (!dropped_written_ || time_.now() - *dropped_written_ >= kInterval) {
      line = take_dropped_line();
    }
  }
  if (!line.empty()) log_.warn(line);
}

std::string IntakeReports::take_dropped_line() {
  const base::TimePoint now = time_.now();
  std::string line = "the inbox is full (" + plural(limits_.max_messages, "message") + " or " +
                     plural(limits_.max_bytes, "byte") + "): dropped the oldest ";
  std::string_view separator;
  for (const auto& [queue, messages] : dropped_) {
    line += std::string(separator) + plural(messages, "message") + " of " + name_of(queue);
    separator = ", ";
  }
  if (dropped_elsewhere_ > 0) line += ", " + std::to_string(dropped_elsewhere_) + " of others";
  if (dropped_written_) line += ", within " + seconds_since(*dropped_written_, now);
  line += "; the app takes them too slowly or not at all";
  dropped_.clear();
  dropped_elsewhere_ = 0;
  dropped_written_ = now;
  return line;
}

}  // namespace dapr_mqtt::delivery
