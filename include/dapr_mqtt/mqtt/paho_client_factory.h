#pragma once

#include <memory>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::mqtt {

struct PahoClientOptions {
  /// Between two attempts to connect; see base::Backoff. Tests take less.
  base::Duration backoff_initial = std::chrono::seconds(1);
  base::Duration backoff_max = std::chrono::seconds(30);
};

/// Real connections, made with Eclipse Paho (MQTT 3.1.1 and 5). Any number of factories
/// may exist; what they make may outlive them. Thread-safe.
///
/// Threads: one for each connection ("mqtt-publisher", "mqtt-consumer"), which
/// calls the listener; Paho's two for the process ("MQTTAsync_send",
/// "MQTTAsync_rcv"), which call the sink and most completions; one for a moment
/// for each host name that is looked up.
///
/// on_connected or on_disconnected comes within connect_timeout, whatever broker
/// and name server do. A
/// publisher's session is always clean; clean_session counts for consumers. A
/// publisher answers RESOURCE_EXHAUSTED while large messages (4 MiB together) wait
/// for the broker: the next answer makes room.
std::unique_ptr<core::BrokerClientFactory> make_paho_client_factory(
    const PahoClientOptions& options = {});

}  // namespace dapr_mqtt::mqtt
