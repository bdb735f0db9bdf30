#pragma once

#include <memory>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/spare_thread.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::mqtt {

struct PahoClientOptions {
  /// First delay between two attempts to connect; see base::Backoff. Tests use less.
  base::Duration backoff_initial = std::chrono::seconds(1);
  /// Longest delay. With connect_timeout (4 s by default) the client reconnects within 10 s after
  /// the broker is back.
  base::Duration backoff_max = std::chrono::seconds(5);
};

/// Makes real connections with Eclipse Paho (MQTT 3.1.1 and 5). Any number of factories may exist;
/// their connections may outlive them. Thread-safe.
///
/// Threads: one for each connection ("mqtt-publisher", "mqtt-consumer"), which calls the listener;
/// one more for each consumer connection ("mqtt-receive"), which calls the sink; Paho's two for the
/// process ("MQTTAsync_send", "MQTTAsync_rcv"), which call most completions; a short-lived one for
/// each host name that is looked up.
///
/// on_connected or on_disconnected is called within connect_timeout, even if broker or name server
/// do not answer. A publisher's session is always clean; clean_session is used for consumers only.
/// publish() returns RESOURCE_EXHAUSTED while large messages (4 MiB together) wait for the broker's
/// answers: the next answer makes room.
std::unique_ptr<core::BrokerClientFactory> make_paho_client_factory(
    const PahoClientOptions& options = {});

/// Paho's send thread. Every publish has to wake it anyway, so publishing can run on it (see
/// base::SpareThread). Never destroyed.
base::SpareThread& sending_thread();

}  // namespace dapr_mqtt::mqtt
