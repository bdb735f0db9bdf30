// A message through the inbox, while others wait there.
#include <benchmark/benchmark.h>

#include <utility>

#include "micro/ways.h"

namespace dapr_mqtt::bench {
namespace {

constexpr std::string_view kQueue = "plant/#";

void append(benchmark::State& state, core::Inbox& inbox) {
  core::IncomingMessage message;
  message.topic = "plant/line-10000/temperature";
  message.payload.assign(kPayload, 'x');
  message.qos = core::QoS::kAtLeastOnce;
  if (!inbox.append(kQueue, std::move(message), false).ok() || !inbox.commit().ok()) {
    state.SkipWithError("append failed");
  }
}

void append_take_settle(benchmark::State& state, InboxKind kind) {
  OwnInbox inbox(kind);
  for (std::int64_t n = 0; n < state.range(0); ++n) append(state, *inbox);
  for (auto _ : state) {
    append(state, *inbox);
    const auto entry = inbox->take(kQueue, base::WallTime{}, core::Inbox::Order::kReady);
    if (!entry) {
      state.SkipWithError("nothing to take");
      break;
    }
    inbox->settle(entry->id);
  }
}

/// As many messages are acknowledged together as the argument says.
void record_event_id(benchmark::State& state) {
  EventIdsWay way;
  std::int64_t n = 0;
  for (auto _ : state) {
    if (!way.receive()) {
      state.SkipWithError("cannot be written");
      break;
    }
    if (++n % state.range(0) == 0) way.acknowledge();
  }
}

BENCHMARK(record_event_id)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(append_take_settle, memory, InboxKind::kMemory)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(append_take_settle, durable, InboxKind::kDurable)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace dapr_mqtt::bench
