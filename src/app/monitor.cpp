#include "app/monitor.h"

#include "app/version.h"
#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/observability/metrics.h"

namespace dapr_mqtt::app {

observability::HttpPages Monitor::pages() {
  return {[this] { return metrics(); }, [this] { return ready(); }, [this] { return notes(); }};
}

std::string Monitor::metrics() const {
  observability::MetricsPage page({version(), commit()}, observability::read_process(),
                                  base::read_clocks());
  server_.visit_instances([&page](std::string_view name, const instance::Instance& instance) {
    const instance::InstanceFacts facts = instance.facts();
    page.add({std::string(name), facts.consumer_id, instance.counters(), facts.inbox,
              facts.inbox_limits, facts.oldest_received, facts.held, facts.stored,
              facts.publisher_connected, facts.health.ok(), facts.missing_answers,
              facts.credentials});
  });
  return page.text();
}

base::Status Monitor::ready() const {
  if (stopping_) return base::unavailable("stopping");
  std::string problems = server_.missed_restart().message();
  server_.visit_instances([&problems](std::string_view name, const instance::Instance& instance) {
    const base::Status health = instance.health();
    if (health.ok()) return;
    problems += (problems.empty() ? "" : "\n") + base::quote(name) + ": " + health.message();
  });
  return problems.empty() ? base::Status() : base::unavailable(problems);
}

// A pod whose earlier credentials still work stays in service: else a bad secret would take out all
// pods at once. The same is true for a broker without shared subscriptions.
std::string Monitor::notes() const {
  std::string notes;
  server_.visit_instances([&notes](std::string_view name, const instance::Instance& instance) {
    const instance::InstanceFacts facts = instance.facts();
    for (const base::Status& problem : {facts.credentials.problem, facts.group_problem}) {
      if (problem.ok()) continue;
      notes += (notes.empty() ? "" : "\n") + base::quote(name) + ": " + problem.message();
    }
  });
  return notes;
}

}  // namespace dapr_mqtt::app
