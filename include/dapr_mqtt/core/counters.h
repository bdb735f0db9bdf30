#pragma once

#include <atomic>
#include <cstdint>

namespace dapr_mqtt::core {

/// What happened on one instance since its Init. Written with relaxed order
/// from any thread; readers get each number right, not a consistent picture.
struct Counters {
  using Count = std::atomic<std::uint64_t>;

  Count published{0};            ///< answered OK
  Count publish_failed{0};
  Count publish_resent{0};       ///< sent again after a reconnect
  Count publish_queue_full{0};   ///< refused with RESOURCE_EXHAUSTED

  Count received{0};
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
  Count unsaved{0};              ///< kept in memory, since the disk failed
  Count unrouted{0};             ///< came in without a subscription, clean session
  Count unknown_acks{0};         ///< late, repeated or foreign

  Count connections{0};          ///< successful CONNECTs, both connections
  Count connection_failures{0};
  Count subscribe_refused{0};
  Count intake_paused{0};        ///< inbox full, session persistent
};

inline void bump(Counters::Count& count, std::uint64_t by = 1) {
  count.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace dapr_mqtt::core
