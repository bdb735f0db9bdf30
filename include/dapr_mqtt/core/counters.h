#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dapr_mqtt/core/histogram.h"

namespace dapr_mqtt::core {

/// Counters of one instance since its Init, and gauges of its present state. Written with relaxed
/// order from any thread: each number is right, but they are not of exactly the same moment.
struct Counters {
  using Count = std::atomic<std::uint64_t>;

  Count published{0};        ///< answered OK
  Count published_bytes{0};  ///< their payloads
  Count publish_failed{0};
  Count publish_resent{0};      ///< sent again after a reconnect
  Count publish_queue_full{0};  ///< refused with RESOURCE_EXHAUSTED
  // Connections that we ended because the broker did not acknowledge.
  Count publish_acks_missing{0};
  Count subscribe_acks_missing{0};
  Count unsubscribe_acks_missing{0};

  Count received{0};
  Count received_bytes{0};  ///< their payloads
  Count delivered{0};       ///< deliveries to daprd, redeliveries included
  Count acknowledged{0};
  Count failed{0};       ///< answered with ack_error by the app
  Count not_reached{0};  ///< answered with ack_error, but the app gave no answer (daprd's error)
  Count redelivered{0};
  Count given_up{0};           ///< out of retries
  Count too_large{0};          ///< larger than daprd accepts
  Count dead_lettered{0};      ///< given up, and published to the dead-letter topic
  Count dead_letters_lost{0};  ///< the broker permanently rejects this dead letter
  Count expired{0};            ///< expired while waiting (MQTT 5)
  Count dropped_qos0{0};       ///< inbox full
  Count dropped{0};            ///< inbox full, QoS 1 and 2 of a clean session
  Count dropped_ended{0};      ///< waited for a subscription that has ended
  Count unclaimed{0};          ///< came in without a subscription, persistent session: it waits
  Count unrouted{0};           ///< came in without a subscription, clean session
  Count unknown_acks{0};       ///< late, repeated, or for a message that was never delivered

  Count connections{0};  ///< successful CONNECTs, both connections
  Count connection_failures{0};
  Count credential_renewals{0};  ///< connections made anew with changed credentials
  Count sessions_lost{0};        ///< the broker should have kept them and did not
  Count subscribe_refused{0};
  Count intake_paused{0};  ///< inbox full, session persistent

  Histogram publish_time;   ///< from the request to OK
  Histogram handling_time;  ///< from the delivery to the app's answer

  /// The present state.
  using Gauge = std::atomic<std::int64_t>;
  Gauge publishes_pending{0};      ///< waiting or in flight
  Gauge publish_bytes_pending{0};  ///< their payloads
  Gauge unacknowledged{0};         ///< delivered, not yet answered
  Gauge app_unreachable{0};        ///< 1 while a stream's app cannot be reached
  Gauge window{0};                 ///< how many may be unacknowledged, over all streams
  Gauge consumers{0};              ///< connections that receive, connected or not
  Gauge consumers_up{0};           ///< those of them that are connected
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

/// For a gauge with one writer.
inline void set(Counters::Gauge& gauge, std::int64_t value) {
  gauge.store(value, std::memory_order_relaxed);
}

}  // namespace dapr_mqtt::core
