#include "delivery/app_watch.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "delivery/delivery_queue.h"

namespace dapr_mqtt::delivery {
namespace {

/// Messages are remembered that broke a connection. Some of them are later dropped from a full
/// inbox, which is not reported here; so beyond this number the oldest are forgotten.
constexpr std::size_t kMaxRemembered = 1000;

}  // namespace

AppWatch::AppWatch(base::Executor& executor, const core::Inbox& inbox, core::Counters& counters,
                   base::Log log, TryAgain try_again)
    : executor_(executor),
      inbox_(inbox),
      counters_(counters),
      log_(std::move(log)),
      try_again_(std::move(try_again)),
      self_(std::make_shared<AppWatch*>(this)) {}

AppWatch::~AppWatch() {
  for (DeliveryStream* stream : away_) executor_.cancel(stream->absence.timer);
}

void AppWatch::not_reached(DeliveryStream& stream, const core::DeliveryError& error) {
  core::bump(counters_.not_reached);
  const base::TimePoint now = executor_.now();
  AppAbsence& absence = stream.absence;
  absence.last_try = now;
  if (!absence.away) {
    absence.away = true;
    absence.may_try = false;
    absence.pauses.emplace(kFirstPause, kLongestPause, ++seed_);
    if (away_.empty()) {
      began_ = now;
      core::set(counters_.app_unreachable, 1);
      report(base::LogLevel::kWarn,
             "daprd cannot reach the app (" + base::quote(error.text) +
                 "): messages wait and are tried now and then, no attempt is counted");
    }
    away_.insert(&stream);
  }
  // An older delivery that daprd still has may take long, so the next try does not wait for it.
  if (absence.timer == 0 && !absence.may_try) {
    wait_until(stream, now + absence.pauses->next());
  }
}

void AppWatch::answered(DeliveryStream& stream) {
  if (stream.absence.away) {
    end_absence(stream);
    if (away_.empty()) {
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(executor_.now() - began_).count();
      report(base::LogLevel::kInfo, "the app answers again after " + std::to_string(seconds) +
                                        " s; " + std::to_string(inbox_.usage().messages) +
                                        " message(s) have waited");
    }
  }
  if (!away_.empty()) try_all_soon();
}

void AppWatch::handed_over(DeliveryStream& stream) { stream.absence.may_try = false; }

void AppWatch::closed(DeliveryStream& stream) {
  if (!stream.absence.away) return;
  end_absence(stream);
  if (away_.empty()) {
    report(base::LogLevel::kInfo, "the subscriptions whose app could not be reached have ended; " +
                                      std::to_string(inbox_.usage().messages) + " message(s) wait");
  }
}

void AppWatch::end_absence(DeliveryStream& stream) {
  if (stream.absence.timer != 0) executor_.cancel(stream.absence.timer);
  stream.absence = {};
  away_.erase(&stream);
  if (away_.empty()) core::set(counters_.app_unreachable, 0);
}

/// The app may be back: streams that wait for their next try make it now, or kShortestPause after
/// their last one.
void AppWatch::try_all_soon() {
  for (DeliveryStream* stream : away_) {
    AppAbsence& absence = stream->absence;
    if (absence.timer == 0) continue;  // it may try already, or its try is under way
    const base::TimePoint soon = std::max(executor_.now(), absence.last_try + kShortestPause);
    if (soon < absence.next_try) wait_until(*stream, soon);
  }
}

void AppWatch::wait_until(DeliveryStream& stream, base::TimePoint when) {
  AppAbsence& absence = stream.absence;
  if (absence.timer != 0) executor_.cancel(absence.timer);
  absence.next_try = when;
  // The timer is cancelled before the stream is destroyed; a task that already runs checks away_.
  absence.timer =
      executor_.post_at(when, [weak = std::weak_ptr<AppWatch*>(self_), target = &stream] {
        const auto self = weak.lock();
        if (!self || !(*self)->away_.contains(target)) return;
        target->absence.timer = 0;
        target->absence.may_try = true;
        (*self)->try_again_(*target);
      });
}

bool AppWatch::interrupted_too_often(core::InboxId message) {
  const auto counted = interruptions_.try_emplace(message).first;
  if (++counted->second >= kMaxInterruptions) {
    interruptions_.erase(counted);
    return true;
  }
  if (interruptions_.size() > kMaxRemembered) {
    const auto oldest = interruptions_.begin();
    interruptions_.erase(oldest == counted ? std::next(oldest) : oldest);
  }
  return false;
}

void AppWatch::report(base::LogLevel level, std::string line) {
  const auto passed = lines_.pass("app", std::move(line), executor_.now());
  if (!passed) return;
  level == base::LogLevel::kWarn ? log_.warn(*passed) : log_.info(*passed);
}

}  // namespace dapr_mqtt::delivery
