#include "dapr_mqtt/delivery/intake.h"

#include <exception>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "delivery/intake_reports.h"

namespace dapr_mqtt::delivery {
namespace {

class ConnectionSink final : public core::MessageSink {
 public:
  ConnectionSink(Intake& intake, std::size_t connection)
      : intake_(intake), connection_(connection) {}
  void on_message(core::IncomingMessage message) noexcept override {
    intake_.on_message(connection_, std::move(message));
  }
  void secure() noexcept override { intake_.secure(); }

 private:
  Intake& intake_;
  const std::size_t connection_;
};

}  // namespace

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
  return std::make_unique<ConnectionSink>(*this, connection);
}

void Intake::on_message(std::size_t connection, core::IncomingMessage message) noexcept {
  try {
    take_in(connection, std::move(message));
  } catch (const std::exception& e) {
    // Out of memory: the one thing that can throw here. The receive thread, and
    // with it every other instance, must go on.
    if (append_failed_) append_failed_(base::resource_exhausted(e.what()));
  }
}

void Intake::secure() noexcept {
  const std::uint64_t came = not_secured_.exchange(0);
  if (came == 0) return;
  try {
    const base::Status status = inbox_.commit();
    if (status.ok()) return;
    core::bump(counters_.unsaved, came);
    if (append_failed_) append_failed_(status);
  } catch (const std::exception& e) {
    if (append_failed_) append_failed_(base::resource_exhausted(e.what()));
  }
}

void Intake::take_in(std::size_t connection, core::IncomingMessage message) {
  core::bump(counters_.received);
  core::bump(counters_.received_bytes, message.payload.size());
  if (message.payload.size() > options_.max_payload) {
    core::bump(counters_.too_large);
    reports_->too_large(message.topic, message.payload.size(), options_.max_payload);
    return;
  }
  if (message.received == base::WallTime{}) message.received = clock_.now();
  message.packet.connection = connection;

  const std::shared_ptr<const Routes> routes = routes_.load();
  auto filters = routes->match(connection, message.topic);
  if (filters.empty()) {
    if (options_.persistent) {
      store(core::Inbox::kUnclaimed, std::move(message), *routes);
      return;
    }
    // A clean session: its subscription has just ended.
    core::bump(counters_.unrouted);
    if (log_.debug_enabled()) {
      log_.debug("no subscription for a message on topic " + base::quote(message.topic));
    }
    return;
  }
  if (unwanted_) {
    std::erase_if(filters, [&](const auto* filter) { return unwanted_(*filter, message); });
    if (filters.empty()) return;
  }
  for (std::size_t i = 0; i + 1 < filters.size(); ++i) {
    core::IncomingMessage copy = message;
    copy.packet = {};  // done with when the last one is stored
    store(filters[i]->str(), std::move(copy), *routes);
  }
  store(filters.back()->str(), std::move(message), *routes);
}

void Intake::store(std::string_view queue, core::IncomingMessage message, const Routes& routes) {
  const bool promised = message.qos != core::QoS::kAtMostOnce;
  const bool evictable = !options_.persistent || message.qos == core::QoS::kAtMostOnce;
  const auto outcome = inbox_.append(queue, std::move(message), evictable);
  if (!outcome.ok()) {
    reports_->not_stored(queue, outcome.status());
    if (append_failed_) append_failed_(outcome.status());
    return;
  }
  const core::AppendOutcome& done = outcome.value();
  if (promised && done.id != 0) not_secured_.fetch_add(1);
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
}

}  // namespace dapr_mqtt::delivery
