// A publish through the queue, while others wait there.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "micro/ways.h"
#include "publish/send_queue.h"

namespace dapr_mqtt::bench {
namespace {

void push(publish::SendQueue& queue) {
  static const core::TopicName topic =
      core::TopicName::parse("plant/line-10000/temperature").value();
  static const base::TimePoint begin{std::chrono::hours(1)};
  core::OutgoingMessage message{topic, std::string(kPayload, 'x'), core::QoS::kAtLeastOnce, false,
                                nullptr};
  queue.push({std::move(message), begin + std::chrono::seconds(20),
              std::make_shared<publish::Caller>([](const base::Status&) {}, kPayload, begin),
              false});
}

void push_start_finish(benchmark::State& state) {
  publish::SendQueue queue;
  for (std::int64_t n = 0; n < state.range(0); ++n) push(queue);
  for (auto _ : state) {
    push(queue);
    const auto next =
        queue.start_next([](auto, core::QoS) { return std::size_t{1}; }, base::TimePoint{});
    if (!next || !queue.finish(next->token)) state.SkipWithError("the queue stands still");
  }
}

BENCHMARK(push_start_finish)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace dapr_mqtt::bench
