#include "dapr_mqtt/delivery/intake.h"

#include <exception>
#include <new>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "delivery/intake_reports.h"

namespace dapr_mqtt::delivery {

class Intake::Sink final : public core::MessageSink {
 public:
  Sink(Intake& intake, std::size_t connection)
      : intake_(intake), connection_(connection) {}
  void on_message(core::IncomingMessage message) noexcept override {
    const bool promised = message.qos != core::QoS::kAtMostOnce;
    if (promised && came_.load() == 0) failures_before_.store(intake_.failed_commits_.load());
    const bool taken_in = intake_.on_message(connection_, std::move(message));
    if (!promised) return;
    came_.fetch_add(1);
    if (!taken_in) missed_.store(true);
  }
  bool secure() noexcept override {
    // With none there may still be packets of QoS 2 to be committed.
    const std::uint64_t came = came_.exchange(0);
    return intake_.secure(came, missed_.exchange(false),
                          came == 0 ? intake_.failed_commits_.load() : failures_before_.load());
  }

 private:
  Intake& intake_;
  const std::size_t connection_;
  // Of QoS 1 and 2, since the last secure():
  std::atomic<std::uint64_t> came_{0};
  std::atomic<bool> missed_{false};  ///< one of them could not be taken in
  std::atomic<std::uint64_t> failures_before_{0};
};

Intake::Intake(IntakeOptions options, const RoutingTable& routes, core::Inbox& inbox,
               Arrivals& arrivals, const base::Executor& time, const base::WallClock& clock,
               core::Counters& counters, base::Log log, AppendFailed append_failed,
               Unwanted unwanted)
    : options_(options),
      routes_(routes),
      inbox_(inbox),
      arrivals_(arrivals),
      clock_(clock),
      counters_(counters),
      log_(log),
      append_failed_(std::move(append_failed)),
      unwanted_(std::move(unwanted)),
      reports_(std::make_unique<IntakeReports>(options.limits, time, std::move(log))) {}

Intake::~Intake() = default;

std::unique_ptr<core::MessageSink> Intake::sink(std::size_t connection) {
  return std::make_unique<Sink>(*this, connection);
}

bool Intake::on_message(std::size_t connection, core::IncomingMessage message) noexcept {
  try {
    return take_in(connection, std::move(message));
  } catch (const std::exception& e) {
    // Out of memory: the one thing that can throw here. The receive thread, and
    // with it every other instance, must go on.
    tell(base::resource_exhausted(e.what()));
    return false;
  }
}

bool Intake::secure(std::uint64_t came, bool missed, std::uint64_t failures_before) noexcept {
  base::Status status;
  try {
    status = inbox_.commit();
  } catch (const std::exception& e) {
    status = base::resource_exhausted(e.what());
  }
  if (!status.ok()) {
    failed_commits_.fetch_add(1);
    tell(status);
  }
  // A commit for another connection may have failed with what came here in it.
  if (!missed && failed_commits_.load() == failures_before) return true;
  core::bump(counters_.unsaved, came);
  return !options_.persistent;  // the broker of a clean session sends nothing again
}

void Intake::tell(const base::Status& failed) noexcept {
  try {
    if (append_failed_) append_failed_(failed);
  } catch (const std::bad_alloc&) {  // the next one will tell
  }
}

bool Intake::take_in(std::size_t connection, core::IncomingMessage message) {
  core::bump(counters_.received);
  core::bump(counters_.received_bytes, message.payload.size());
  if (message.payload.size() > options_.max_payload) {
    core::bump(counters_.too_large);
    reports_->too_large(message.topic, message.payload.size(), options_.max_payload);
    return true;
  }
  if (message.received == base::WallTime{}) message.received = clock_.now();
  message.packet.connection = connection;

  const std::shared_ptr<const Routes> routes = routes_.load();
  auto filters = routes->match(connection, message.topic);
  if (filters.empty()) {
    if (options_.persistent) {
      return store(core::Inbox::kUnclaimed, std::move(message), *routes);
    }
    // A clean session: its subscription has just ended.
    core::bump(counters_.unrouted);
    if (log_.debug_enabled()) {
      log_.debug("no subscription for a message on topic " + base::quote(message.topic));
    }
    return true;
  }
  if (unwanted_) {
    std::erase_if(filters, [&](const auto* filter) { return unwanted_(*filter, message); });
    if (filters.empty()) return true;
  }
  bool stored = true;
  for (std::size_t i = 0; i + 1 < filters.size(); ++i) {
    core::IncomingMessage copy = message;
    copy.packet = {};  // done with when the last one is stored
    stored = store(filters[i]->str(), std::move(copy), *routes) && stored;
  }
  return store(filters.back()->str(), std::move(message), *routes) && stored;
}

bool Intake::store(std::string_view queue, core::IncomingMessage message, const Routes& routes) {
  const bool evictable = !options_.persistent || message.qos == core::QoS::kAtMostOnce;
  const auto outcome = inbox_.append(queue, std::move(message), evictable);
  if (!outcome.ok()) {
    reports_->not_stored(queue, outcome.status());
    tell(outcome.status());
    return false;
  }
  const core::AppendOutcome& done = outcome.value();
  for (const core::Evicted& evicted : done.evicted) {
    core::bump(counters_.dropped_qos0, evicted.qos0);
    core::bump(counters_.dropped, evicted.messages - evicted.qos0);
    // In strict order, one that waited for its next try may have held up others.
    arrivals_.note(evicted.queue, false);
  }
  reports_->dropped(done.evicted);
  const bool stop = done.full && !evictable;
  if (queue == core::Inbox::kUnclaimed) {
    // A subscription that came in between may have claimed before we stored;
    // one that comes from now on claims afterwards.
    arrivals_.note_unclaimed(routes_.load().get() != &routes, stop);
  } else if (done.id != 0 || stop) {
    arrivals_.note(queue, stop);
  }
  return true;
}

}  // namespace dapr_mqtt::delivery
