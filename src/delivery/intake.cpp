#include "dapr_mqtt/delivery/intake.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <new>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "delivery/intake_reports.h"

namespace dapr_mqtt::delivery {
namespace {

/// Each queue's copy of a message becomes an event with its own ID.
std::uint64_t seed_of_copy(std::uint64_t seed, const core::TopicFilter& filter) {
  return seed == 0 ? 0 : seed ^ std::hash<std::string_view>()(filter.str());
}

}  // namespace

class Intake::Sink final : public core::MessageSink {
 public:
  Sink(Intake& intake, std::size_t its_connection, core::EventIds* its_event_ids)
      : connection(its_connection), event_ids(its_event_ids), intake_(intake) {}
  bool on_message(core::IncomingMessage message) noexcept override {
    const bool acknowledged = message.qos != core::QoS::kAtMostOnce;
    if (intake_.options_.persistent) {
      return intake_.on_message(*this, std::move(message)) || !acknowledged;
    }
    // In a clean session the broker does not send it again, so its receipt is given in any case.
    const core::Receipt receipt = std::exchange(message.receipt, {});
    static_cast<void>(intake_.on_message(*this, std::move(message)));
    receipt.give();
    return true;
  }
  void commit_received() noexcept override { intake_.commit_received(); }

  const std::size_t connection;
  core::EventIds* const event_ids;  // may be null

 private:
  Intake& intake_;
};

Intake::Intake(IntakeOptions options, const RoutingTable& routes, core::Inbox& inbox,
               Arrivals& arrivals, const base::Executor& time, const base::WallClock& clock,
               core::Counters& counters, base::Log log, AppendFailed append_failed,
               Unwanted unwanted, MakesEvents makes_events)
    : options_(options),
      routes_(routes),
      inbox_(inbox),
      arrivals_(arrivals),
      clock_(clock),
      counters_(counters),
      log_(log),
      append_failed_(std::move(append_failed)),
      unwanted_(std::move(unwanted)),
      makes_events_(std::move(makes_events)),
      reports_(std::make_unique<IntakeReports>(options.limits, time, std::move(log))) {}

Intake::~Intake() = default;

std::unique_ptr<core::MessageSink> Intake::sink(std::size_t connection, core::EventIds* event_ids) {
  return std::make_unique<Sink>(*this, connection, event_ids);
}

bool Intake::on_message(const Sink& from, core::IncomingMessage message) noexcept {
  try {
    return take_in(from, std::move(message));
  } catch (const std::exception& e) {
    // Only running out of memory can throw here. It must not end the process, which serves other
    // instances too.
    report(base::resource_exhausted(e.what()));
    return false;
  }
}

void Intake::commit_received() noexcept {
  base::Status status;
  {
    // The connections' threads take turns: the inbox allows one commit at a time.
    base::MutexLock turn(commits_);
    try {
      status = inbox_.commit();
    } catch (const std::exception& e) {
      status = base::resource_exhausted(e.what());
    }
  }
  if (!status.ok()) report(status);
}

void Intake::report(const base::Status& failed) noexcept {
  try {
    if (append_failed_) append_failed_(failed);
  } catch (const std::bad_alloc&) {  // this failure is not reported, the next one will be
  }
}

core::Keep Intake::keep() const {
  if (!options_.persistent) return core::Keep::kStore;
  if (hold_all_) return core::Keep::kHold;
  return store_arrivals_ ? core::Keep::kStore : options_.keep;
}

/// Puts the message into its queues, or drops it for good and gives its receipt.
bool Intake::take_in(const Sink& from, core::IncomingMessage message) {
  const std::size_t connection = from.connection;
  core::bump(counters_.received);
  core::bump(counters_.received_bytes,
             message.full_size > 0 ? message.full_size : message.payload.size());
  if (message.full_size > 0) {
    core::bump(counters_.too_large);
    reports_->too_large(message.topic, message.full_size, options_.dead_letters);
    if (!options_.dead_letters) {
      message.receipt.give();
      return true;
    }
  }
  message.arrived = clock_.now();
  if (message.received == base::WallTime{}) message.received = message.arrived;
  message.packet.connection = connection;
  if (options_.persistent && message.qos != core::QoS::kAtMostOnce && full_ && inbox_.overfull()) {
    arrivals_.note_unclaimed(false, true);  // so that the owner stops receiving
    return false;
  }

  const std::shared_ptr<const Routes> routes = routes_.load();
  auto filters = routes->match(connection, message.topic);
  if (filters.empty()) {
    filters = routes->match_rewritten(connection, message.topic);
    if (!filters.empty()) reports_->rewritten(message.topic, filters.front()->str());
  }
  const auto remember_event_id = [&](bool makes_events) {
    if (from.event_ids == nullptr || message.qos == core::QoS::kAtMostOnce) return;
    from.event_ids->received(message, makes_events);
  };
  if (filters.empty() && !options_.ignored.empty() && message.topic.starts_with(options_.ignored)) {
    message.receipt.give();
    return true;
  }
  if (filters.empty()) {
    reports_->unrouted(message.topic, options_.persistent);
    if (options_.persistent) {
      core::bump(counters_.unclaimed);
      remember_event_id(true);  // an event may be made of it: its subscription may still be opened
      return store(core::Inbox::kUnclaimed, std::move(message), *routes);
    }
    // A clean session: its subscription has just ended.
    core::bump(counters_.unrouted);
    message.receipt.give();
    return true;
  }
  if (unwanted_) {
    std::erase_if(filters, [&](const auto* filter) { return unwanted_(*filter, message); });
    if (filters.empty()) {
      message.receipt.give();
      return true;
    }
  }
  remember_event_id(makes_events_ &&
                    std::any_of(filters.begin(), filters.end(),
                                [this](const auto* filter) { return makes_events_(*filter); }));
  bool stored = true;
  if (filters.size() > 1) {
    message.receipt.split(static_cast<unsigned>(filters.size()));
    // After a crash, the packet identifier alone would not say how many of the copies are stored.
    message.packet.id = 0;
  }
  const std::uint64_t seed = message.event_seed;
  for (std::size_t i = 0; i + 1 < filters.size(); ++i) {
    message.event_seed = seed_of_copy(seed, *filters[i]);
    stored = store(filters[i]->str(), message, *routes) && stored;
  }
  if (filters.size() > 1) message.event_seed = seed_of_copy(seed, *filters.back());
  return store(filters.back()->str(), std::move(message), *routes) && stored;
}

bool Intake::store(std::string_view queue, core::IncomingMessage message, const Routes& routes) {
  const bool evictable = !options_.persistent || message.qos == core::QoS::kAtMostOnce;
  const core::Keep keep = this->keep();
  // A thread that will write the message to disk leaves the delivery to another thread.
  const Arrivals::WakeBy wake_by =
      !evictable && keep == core::Keep::kStore ? Arrivals::WakeBy::kPost : Arrivals::WakeBy::kEnter;
  const auto outcome = inbox_.append(queue, std::move(message), evictable, keep);
  if (!outcome.ok()) {
    reports_->not_stored(queue, outcome.status());
    report(outcome.status());
    return false;
  }
  const core::AppendOutcome& done = outcome.value();
  for (const core::Evicted& evicted : done.evicted) {
    core::bump(counters_.dropped_qos0, evicted.qos0);
    core::bump(counters_.dropped, evicted.messages - evicted.qos0);
    // With strict order, the dropped message may have held up others while it waited for its next
    // try.
    arrivals_.note(evicted.queue, false);
  }
  reports_->dropped(done.evicted);
  const bool stop = done.full && !evictable;
  if (!evictable) full_ = done.full;
  if (queue == core::Inbox::kUnclaimed) {
    // A subscription that was opened since `routes` was loaded may have claimed before this message
    // was stored; one that is opened from now on will find it.
    arrivals_.note_unclaimed(routes_.load().get() != &routes, stop);
  } else if (done.id != 0 || stop) {
    arrivals_.note(queue, stop, wake_by);
  }
  return true;
}

}  // namespace dapr_mqtt::delivery
