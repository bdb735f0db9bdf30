// Ports to an MQTT broker. Implemented by src/mqtt with Paho and by
// tests/support/fake_broker.h in memory; both pass tests/contract.
#pragma once

#include <functional>
#include <memory>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/credentials_report.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::core {

/// How a connection ended, or why it was not made.
enum class ConnectionEnd {
  /// The broker closed it while requests were open, or shortly after a publish: perhaps because of
  /// one of these requests. The next attempt follows within half a second.
  kClosedOnRequest,
  /// The broker closed it, and no request was open.
  kClosed,
  /// The network or we ended it, or an attempt failed.
  kOther,
  /// We sent DISCONNECT, and the next attempt follows at once, with other credentials.
  kRenewal,
};

/// What CONNACK says about the broker's session, and whether that can be relied on.
struct SessionFound {
  bool present = false;  ///< the broker had one (MQTT-3.2.2-2)
  /// True: the session is the one of this connection's last time, in the state that it had then.
  /// False: it belongs to another endpoint; or a CONNECT sent in between got no answer, and the
  /// broker may have made a new session for it. Then its subscriptions are not known.
  bool as_left = true;
  std::size_t endpoint = 0;  ///< its index in ConnectionOptions::endpoints
};

/// The events of a connection of either kind, for its owner. Called on the
/// implementation's threads, one call at a time; must return quickly, must not
/// throw, and must not call back into the connection (post to an Executor).
class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;

  /// What an MQTT 5 broker says of itself. Called before each on_connected().
  virtual void on_broker_limits(const BrokerLimits& /*limits*/) {}
  /// The state of the credentials has changed. Called before on_connected(), and while connected.
  virtual void on_credentials(const CredentialsReport& /*report*/) {}
  /// The connection is made.
  virtual void on_connected(const SessionFound& session) = 0;
  /// An attempt failed, or the connection broke. The next attempt follows by
  /// itself with back-off, unless close() was called. The status names the
  /// endpoint and the cause.
  virtual void on_disconnected(const base::Status& cause, ConnectionEnd end) = 0;
};

/// A connection that keeps itself alive: from open() until close() it connects, and connects again
/// each time it breaks, with exponential back-off and jitter (up to 1 s at first, up to 5 s later).
///
/// Thread safety: all methods from any thread except inside its listener's
/// calls. Only the destructor blocks: it closes, which may take up to a second;
/// afterwards no listener call or completion runs any more.
class BrokerConnection {
 public:
  virtual ~BrokerConnection() = default;

  /// Begins the first attempt. At most once.
  virtual void open() = 0;
  /// Leaves a broker that is connected but does not answer as it should: sends DISCONNECT, calls
  /// on_disconnected() with this cause, and connects again as after any end. Does nothing without a
  /// connection.
  virtual void reconnect(base::Status cause) = 0;
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
  /// OK: the broker has the message (QoS 0: written to the socket; QoS 1: PUBACK;
  /// QoS 2: PUBCOMP). UNAVAILABLE: the connection broke first; whether the broker
  /// has it is unknown. Other kinds: the broker refused it; the text names topic
  /// and reason. Called on any of the implementation's threads.
  using Completion = std::function<void(base::Status)>;

  /// Takes the message for sending, or says why not: UNAVAILABLE when not
  /// connected, RESOURCE_EXHAUSTED when the client can hold no more. `done`
  /// runs exactly once if this returns OK, maybe before it returns; else it never
  /// runs. Messages go out in the order of calls. To be called from one thread
  /// only, which keeps at most `max_in_flight()` messages open.
  virtual base::Status publish(const OutgoingMessage& message, Completion done) = 0;

  /// How many messages of this QoS may be open at a time (a protocol limit, or
  /// the number with which the client library is fastest).
  virtual std::size_t max_in_flight(QoS qos) const = 0;
};

struct SubscribeOptions {
  QoS qos = QoS::kAtMostOnce;
  bool no_local = false;             ///< MQTT 5
  bool retain_as_published = false;  ///< MQTT 5
  int retain_handling = 0;           ///< MQTT 5: 0, 1 or 2 (section 3.8.3.1)
  bool operator==(const SubscribeOptions&) const = default;
};

/// Where a consumer's messages go. The broker gets the acknowledgement of a message after the
/// message's receipt was given, by whomever, and in the order in which the messages came
/// (MQTT-4.6.0-2): a message whose receipt is not given yet delays the acknowledgements of those
/// after it.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  /// Takes the message in: keeps it with its receipt, or drops it for good (too large and no
  /// dead-letter topic, or its subscription has ended) and gives the receipt at once. False: the
  /// message could not be taken in (no memory, or the inbox is overfull). Then the connection is
  /// made anew, so that the broker of a persistent session sends the message again. In a clean
  /// session the result is true even then, with the receipt given: the broker would not send the
  /// message again, so the loss is counted and logged.
  ///
  /// Called on the connection's receiving thread. Must not throw or call the client. May block on
  /// the disk, like commit_received(), and on nothing else.
  [[nodiscard]] virtual bool on_message(IncomingMessage message) noexcept = 0;
  /// All messages of one read from the socket were handed over. The ones to be stored at once are
  /// stored now, in one commit, and their receipts given. Called on the same thread. May block on
  /// the disk.
  virtual void commit_received() noexcept = 0;
};

/// The connection that subscribes and receives.
class BrokerConsumer : public BrokerConnection {
 public:
  /// The result in SUBACK. PERMISSION_DENIED (or another kind, by the MQTT 5 reason code)
  /// when the broker refused; UNAVAILABLE when the connection broke before the
  /// answer. Called on any of the implementation's threads, exactly once.
  using Subscribed = std::function<void(base::Result<QoS> granted)>;
  using Unsubscribed = std::function<void(base::Status)>;

  /// When not connected, the completion gets UNAVAILABLE. The caller subscribes
  /// again after a reconnect.
  virtual void subscribe(const TopicFilter& filter, const SubscribeOptions& options,
                         Subscribed done) = 0;
  virtual void unsubscribe(const TopicFilter& filter, Unsubscribed done) = 0;

  /// Stops receiving by disconnecting; the broker keeps the session. resume()
  /// connects again. Idempotent.
  virtual void suspend() = 0;
  virtual void resume() = 0;
};

/// Makes connections. Thread-safe. The listener, sink, packets and logger outlive
/// the connection. Both throw std::system_error when the system has no thread for it.
class BrokerClientFactory {
 public:
  virtual ~BrokerClientFactory() = default;
  virtual std::unique_ptr<BrokerPublisher> make_publisher(ConnectionOptions options,
                                                          ConnectionListener& listener,
                                                          base::Log log) = 0;
  /// `packets`: where a persistent session keeps the packet identifiers of QoS 2
  /// messages that are not released yet; null: in memory, lost with the process.
  virtual std::unique_ptr<BrokerConsumer> make_consumer(ConnectionOptions options,
                                                        ConnectionListener& listener,
                                                        MessageSink& sink, PacketStore* packets,
                                                        base::Log log) = 0;
};

}  // namespace dapr_mqtt::core
