// Ports to an MQTT broker. Implemented by src/mqtt with Paho and by
// tests/support/fake_broker.h in memory; both pass tests/contract.
#pragma once

#include <functional>
#include <memory>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/spare_thread.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::core {

/// What both kinds of connection tell their owner. Called on the
/// implementation's threads, one call at a time; must return quickly, must not
/// throw, and must not call back into the connection (post to an Executor).
class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;

  /// What an MQTT 5 broker says of itself, in front of each on_connected().
  virtual void on_broker_limits(const BrokerLimits& /*limits*/) {}
  /// The connection is made. `session_present`: the broker kept the session of
  /// before (MQTT-3.2.2-2), so its subscriptions are in force.
  virtual void on_connected(bool session_present) = 0;
  /// An attempt failed, or the connection broke. The next attempt follows by
  /// itself with back-off, unless the connection was told to close. The status
  /// names the endpoint and the cause.
  virtual void on_disconnected(const base::Status& cause) = 0;
};

/// A connection that keeps itself alive: after open() it connects, and connects
/// again with exponential back-off and jitter (1 s to 30 s) whenever it broke,
/// for ever, until close().
///
/// Thread safety: all methods from any thread except inside its listener's
/// calls. None blocks but the destructor, which closes and may take up to a
/// second; afterwards no listener call or completion runs any more.
class BrokerConnection {
 public:
  virtual ~BrokerConnection() = default;

  /// Begins the first attempt. At most once.
  virtual void open() = 0;
  /// Sends DISCONNECT when connected (so that no will is published), stops
  /// trying, and calls `closed` once the broker can no longer take this
  /// connection for alive: another with the same client ID may connect then.
  /// Completions still open run with CANCELLED before `closed` does.
  /// Idempotent: each call gets its `closed`.
  virtual void close(std::function<void()> closed) = 0;
};

/// The connection that publishes.
class BrokerPublisher : public BrokerConnection {
 public:
  /// OK: the broker has it (QoS 0: written to the socket; QoS 1: PUBACK;
  /// QoS 2: PUBCOMP). UNAVAILABLE: the connection broke first, its fate is
  /// unknown. Other kinds: the broker refused it; text names topic and reason.
  /// Called on any of the implementation's threads.
  using Completion = std::function<void(base::Status)>;

  /// Takes the message for sending, or says why not: UNAVAILABLE when not
  /// connected, RESOURCE_EXHAUSTED when the client can hold no more. `done`
  /// runs exactly once if and only if this returned OK, maybe before it returns.
  /// Messages go out in the order of calls. To be called from one thread only,
  /// which keeps at most `max_in_flight()` messages open.
  virtual base::Status publish(const OutgoingMessage& message, Completion done) = 0;

  /// How many messages of this QoS may be open at a time (a protocol limit, or
  /// where the client library is fastest).
  virtual std::size_t max_in_flight(QoS qos) const = 0;
};

struct SubscribeOptions {
  QoS qos = QoS::kAtMostOnce;
  bool no_local = false;             ///< MQTT 5
  bool retain_as_published = false;  ///< MQTT 5
  int retain_handling = 0;           ///< MQTT 5: 0, 1 or 2 (section 3.8.3.1)
  bool operator==(const SubscribeOptions&) const = default;
};

/// Where a consumer's messages go.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  /// On the client's receive thread, with the library's lock held: takes the message in
  /// and returns. Must not throw, wait, or call the client.
  virtual void on_message(IncomingMessage message) noexcept = 0;
  /// After one or several of on_message, or of changes in the PacketStore: makes safe what
  /// they took in (one commit at the most). True: it is, and the broker gets its
  /// acknowledgements. False: not all of it is; then the connection acknowledges nothing any
  /// more and is made anew, and the broker of a persistent session sends again what it has no
  /// acknowledgement for.
  /// As a rule on the receive thread without the library's lock, else on a thread that
  /// closes a connection; never at the same time as on_message of the same connection, or
  /// as another secure(), of whatever connection.
  virtual bool secure() noexcept = 0;
};

/// The connection that subscribes and receives.
class BrokerConsumer : public BrokerConnection {
 public:
  /// SUBACK's answer. PERMISSION_DENIED (or another kind by the MQTT 5 reason)
  /// when the broker refused; UNAVAILABLE when the connection broke before the
  /// answer. On any of the implementation's threads, exactly once.
  using Subscribed = std::function<void(base::Result<QoS> granted)>;
  using Unsubscribed = std::function<void(base::Status)>;

  /// UNAVAILABLE through the completion when not connected: renewing after a
  /// reconnect is the caller's part.
  virtual void subscribe(const TopicFilter& filter, const SubscribeOptions& options,
                         Subscribed done) = 0;
  virtual void unsubscribe(const TopicFilter& filter, Unsubscribed done) = 0;

  /// Stops intake by disconnecting, the session kept at the broker; resume()
  /// connects again. Idempotent.
  virtual void suspend() = 0;
  virtual void resume() = 0;
};

/// Makes connections. Thread-safe. The listener, sink, packets and logger outlive
/// the connection.
class BrokerClientFactory {
 public:
  virtual ~BrokerClientFactory() = default;
  virtual std::unique_ptr<BrokerPublisher> make_publisher(ConnectionOptions options,
                                                          ConnectionListener& listener,
                                                          base::Log log) = 0;
  /// `packets`: where a persistent session keeps what is on its way in; null: in
  /// memory, lost with the process.
  virtual std::unique_ptr<BrokerConsumer> make_consumer(ConnectionOptions options,
                                                        ConnectionListener& listener,
                                                        MessageSink& sink, PacketStore* packets,
                                                        base::Log log) = 0;
  /// The thread that every publish has to wake: whoever publishes may do so there.
  /// Null: there is none. Outlives all publishers.
  virtual base::SpareThread* sending_thread() { return nullptr; }
};

}  // namespace dapr_mqtt::core
