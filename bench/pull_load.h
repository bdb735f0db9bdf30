// Receiving through a component, as daprd does it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "flow.h"
#include "subject.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::bench {

struct PullLoad {
  int messages = 50'000;
  std::size_t size = 256;  ///< of the payload, in bytes
  int qos = 1;
  int topics = 1;  ///< a stream for each
};

/// "rate" of messages that are published while the app takes them. The publisher is ahead
/// of the app by a thousand messages at the most, so that the broker always has some and
/// its queue does not grow.
std::unique_ptr<Flow> live_flow(Running& subject, const testing::Mosquitto& broker,
                                const PullLoad& load);

/// "rate" of messages that wait at the broker: the component is stopped (SIGSTOP) until
/// all are there, so that whoever publishes takes no part.
std::unique_ptr<Flow> backlog_flow(Running& subject, const testing::Mosquitto& broker,
                                   const PullLoad& load);

/// Open loop: a message is published each `interval`, and what it took is counted from
/// the moment at which it was due. Quantiles.
std::unique_ptr<Flow> paced_flow(Running& subject, const testing::Mosquitto& broker,
                                 std::chrono::nanoseconds interval);

/// An app that takes messages and acknowledges none: "peak" when so many of 1 KiB have
/// been published.
Measurement measure_slow_app(Running& subject, const testing::Mosquitto& broker, int messages);

/// "memory" and "wakeups" of so many instances with a subscription each and no message
/// for ten seconds.
Measurement measure_idle(Running& subject, const testing::Mosquitto& broker, int instances);

}  // namespace dapr_mqtt::bench
