#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dapr_mqtt/core/histogram.h"

namespace dapr_mqtt::core {

/// What happened on one instance since its Init, and where it stands. Written with relaxed order
/// from any thread; readers get each number right, not a consistent picture.
struct Counters {
  using Count = std::atomic<std::uint64_t>;

  Count published{0};            ///< answered OK
  Count published_bytes{0};      ///< their payloads
  Count publish_failed{0};
  Count publish_resent{0};       ///< sent again after a reconnect
  Count publish_queue_full{0};   ///< refused with RESOURCE_EXHAUSTED

  Count received{0};
  Count received_bytes{0};       ///< their payloads
  Count delivered{0};            ///< hand-overs, redeliveries included
  Count acknowledged{0};
  Count failed{0};               ///< ack_error
  Count redelivered{0};
  Count given_up{0};             ///< retries spent
  Count too_large{0};            ///< over what daprd takes
  Count dead_lettered{0};        ///< given up, and on the dead-letter topic
  Count dead_letters_lost{0};    ///< the broker takes them never
  Count expired{0};              ///< while it waited (MQTT 5)
  Count dropped_qos0{0};         ///< inbox full
  Count dropped{0};              ///< inbox full, QoS 1 and 2 of a clean session
  Count unsaved{0};              ///< the disk did not take them: not acknowledged
  Count unrouted{0};             ///< came in without a subscription, clean session
  Count unknown_acks{0};         ///< late, repeated or foreign

  Count connections{0};          ///< successful CONNECTs, both connections
  Count connection_failures{0};
  Count subscribe_refused{0};
  Count intake_paused{0};        ///< inbox full, session persistent

  Histogram publish_time;        ///< from the request to OK
  Histogram handling_time;       ///< from the hand-over to the app's answer

  /// Where it stands.
  using Gauge = std::atomic<std::int64_t>;
  Gauge publishes_pending{0};        ///< waiting or in flight
  Gauge publish_bytes_pending{0};    ///< their payloads
  Gauge unacknowledged{0};           ///< delivered, not yet answered
  Gauge window{0};                   ///< how many may be, over all streams
  Gauge consumers{0};                ///< connections that receive, or should
  Gauge consumers_up{0};             ///< of these, connected
  Gauge subscriptions{0};
  Gauge subscriptions_in_force{0};   ///< the broker has accepted them
  Gauge last_connection_failure{0};  ///< seconds since 1970; 0: none yet
};

inline void bump(Counters::Count& count, std::uint64_t by = 1) {
  count.fetch_add(by, std::memory_order_relaxed);
}

/// An attempt to connect failed, or a connection broke.
inline void connection_failed(Counters& counters) {
  bump(counters.connection_failures);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  counters.last_connection_failure.store(
      std::chrono::duration_cast<std::chrono::seconds>(now).count(), std::memory_order_relaxed);
}

inline void add(Counters::Gauge& gauge, std::int64_t by) {
  gauge.fetch_add(by, std::memory_order_relaxed);
}

/// Of a gauge with one writer.
inline void set(Counters::Gauge& gauge, std::int64_t value) {
  gauge.store(value, std::memory_order_relaxed);
}

}  // namespace dapr_mqtt::core
