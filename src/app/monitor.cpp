#include "app/monitor.h"

#include "app/version.h"
#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/observability/metrics.h"

namespace dapr_mqtt::app {

observability::HttpPages Monitor::pages() {
  return {[this] { return metrics(); }, [this] { return ready(); }};
}

std::string Monitor::metrics() const {
  observability::MetricsPage page({version(), commit()}, observability::read_process(),
                                  base::SystemWallClock().now());
  server_.visit_instances([&page](std::string_view name, const instance::Instance& instance) {
    const instance::InstanceFacts facts = instance.facts();
    page.add({std::string(name), facts.consumer_id, instance.counters(), facts.inbox,
              facts.inbox_limits, facts.oldest_received, facts.publisher_connected,
              facts.health.ok()});
  });
  return page.text();
}

base::Status Monitor::ready() const {
  if (stopping_) return base::unavailable("stopping");
  std::string problems;
  server_.visit_instances([&problems](std::string_view name, const instance::Instance& instance) {
    const base::Status health = instance.health();
    if (health.ok()) return;
    problems += (problems.empty() ? "" : "\n") + base::quote(name) + ": " + health.message();
  });
  return problems.empty() ? base::Status() : base::unavailable(problems);
}

}  // namespace dapr_mqtt::app
