// Which filters a topic goes to.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/delivery/routes.h"

namespace dapr_mqtt::bench {
namespace {

std::string line(std::size_t number) { return "plant/line-" + std::to_string(10'000 + number); }

/// For each n a filter; the topics of that line match it alone.
template <typename MakeFilter>
void match(benchmark::State& state, const MakeFilter& make) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<core::TopicFilter> filters;
  std::vector<std::string> topics;
  for (std::size_t n = 0; n < count; ++n) {
    filters.push_back(core::TopicFilter::parse(make(line(n))).value());
    topics.push_back(line(n) + "/temperature");
  }
  delivery::RoutingTable table;
  table.set(0, filters);
  const auto routes = table.load();
  std::size_t next = 0;
  for (auto _ : state) {
    const auto found = routes->match(0, topics[next]);
    if (found.size() != 1) state.SkipWithError("not the one filter");
    if (++next == topics.size()) next = 0;
  }
}

void match_exact(benchmark::State& state) {
  match(state, [](const std::string& name) { return name + "/temperature"; });
}
void match_plus(benchmark::State& state) {
  match(state, [](const std::string& name) { return name + "/+"; });
}
void match_hash(benchmark::State& state) {
  match(state, [](const std::string& name) { return name + "/#"; });
}

BENCHMARK(match_exact)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(match_plus)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(match_hash)->Arg(10)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace dapr_mqtt::bench
