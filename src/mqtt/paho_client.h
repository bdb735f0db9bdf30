// One Paho client: for one connection attempt and the connection it makes.
#pragma once

#include <MQTTAsync.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "mqtt/broker_limits.h"
#include "mqtt/channel.h"
#include "mqtt/operations.h"
#include "mqtt/receive_thread.h"

namespace dapr_mqtt::mqtt {

/// Thread safety: all methods from any thread except inside Paho's callbacks
/// (that is: inside the functions of Events, the sink, and completions).
/// Ownership: owns the Paho client and the channel below it. The sink outlives it.
///
/// Only this class makes requests with Paho's client, and it uses the C interface. Reasons against
/// mqtt::async_client, read in 1.2.0 and 1.5.2 and measured with 1.2.0:
/// - Its callbacks allocate and so may throw through C frames.
/// - It copies each payload once more, and makes a token with a mutex, a condition variable and a
///   list entry for each message. QoS 1, window 50, mosquitto 2.0.11 on loopback, 2 cores:
///   publishing 256 B 46 µs CPU against 39 (17,200/s, 20,200/s), 64 KiB 107 µs against 68
///   (5,100/s, 9,900/s).
/// - It hides its MQTTAsync handle, so it cannot be combined with calls of the C interface.
class PahoClient final {
 public:
  /// Called on any thread, maybe with locks of Paho's held: they may only post work elsewhere. They
  /// may be called after shut_down() too, so they must own what they use.
  struct Events {
    std::function<void(bool session_present)> connected;
    /// The attempt is over. `answered`: the broker refused it in CONNACK, and `cause` is its reason.
    std::function<void(base::Status cause, bool answered)> connect_failed;
    /// The connection broke; no operation completes any more. With RESOURCE_EXHAUSTED: a received
    /// message could not be stored, and nothing is acknowledged on this connection any more.
    std::function<void(base::Status cause, core::ConnectionEnd end)> lost;
  };
  using Subscribed = core::BrokerConsumer::Subscribed;

  /// `sink` null: messages are ignored. `tls`: whether the stream uses TLS (for error texts).
  static base::Result<std::shared_ptr<PahoClient>> make(
      std::unique_ptr<transport::ByteStream> stream, const core::ConnectionOptions& options,
      bool tls, Events events, core::MessageSink* sink, std::shared_ptr<packets::AckLedger> ledger);
  /// Shuts down.
  ~PahoClient();
  PahoClient(const PahoClient&) = delete;
  PahoClient& operator=(const PahoClient&) = delete;

  /// Begins the only attempt of this client. OK: `connected` or `connect_failed` follows, unless
  /// shut_down() comes first. `options` are those given to make().
  base::Status connect(const core::ConnectionOptions& options, bool clean_session);
  /// The limits in CONNACK. Valid from `connected` on.
  const BrokerLimits& limits() const { return state_->limits; }
  /// The channel below Paho. For keep alive and reconnect().
  Channel& channel() { return *channel_; }

  /// As in BrokerPublisher. RESOURCE_EXHAUSTED if other publishes are open and all together would
  /// hold more than a few MiB; INVALID_ARGUMENT if it exceeds the broker's limits.
  base::Status publish(const core::OutgoingMessage& message, Completion done);
  /// As in BrokerConsumer.
  void subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                 Subscribed done);
  void unsubscribe(const core::TopicFilter& filter, Completion done);

  /// How many operations were begun and not completed.
  std::size_t open_operations() const { return operations_.size(); }
  /// Sends DISCONNECT if connected, closes the socket and destroys the Paho client,
  /// then completes what is still open with `open_operations_status`. Does not wait for
  /// the network, only for a running commit. When it returns, no completion runs or
  /// will run, and the sink is not called any more. Idempotent.
  void shut_down(const base::Status& open_operations_status);

 private:
  /// Outlives the client, since events may come late.
  struct State {
    Events events;
    std::string client_id;
    core::ProtocolVersion protocol;
    bool tls = false;
    BrokerLimits limits;                 // written once, before `connected`
    std::atomic<bool> connecting{true};  ///< the attempt's result was not reported yet
    std::atomic<bool> answered{false};   ///< CONNACK has come
    std::atomic<bool> lost{false};
    std::atomic<std::size_t> open_operations{0};
    std::atomic<bool> requests_at_end{false};  ///< operations were open when the channel ended
    std::atomic<base::TimePoint::rep> last_publish{0};

    void connect_failed(const base::Status& cause, bool by_broker);
    void connack(const packets::Connack& connack);
    void ended(const base::Status& cause, Channel::Ending ending);
    core::ConnectionEnd end_of(Channel::Ending ending) const;
  };

  explicit PahoClient(std::shared_ptr<State> state);

  // Called by Paho. It calls those that end in 5 with MQTT 5.
  static int on_message(void* context, char* topic, int topic_size, MQTTAsync_message* message);
  static void on_connected(void* context, MQTTAsync_successData* data);
  static void on_connected5(void* context, MQTTAsync_successData5* data);
  static void on_connect_failed(void* context, MQTTAsync_failureData* data);
  static void on_connect_failed5(void* context, MQTTAsync_failureData5* data);
  static void on_operation_done(void* context, MQTTAsync_successData* data);
  static void on_operation_done5(void* context, MQTTAsync_successData5* data);
  static void on_operation_failed(void* context, MQTTAsync_failureData* data);
  static void on_operation_failed5(void* context, MQTTAsync_failureData5* data);

  bool mqtt5() const { return state_->protocol == core::ProtocolVersion::kMqtt5; }
  /// Runs `call` with a new operation; completes it at once if that fails.
  template <typename Call>
  void start(Done done, std::string_view doing, Call call);
  MQTTAsync_responseOptions response_to(Operations::Operation& operation) const;
  /// The completion of the answered operation; none when shut_down() completes it.
  static std::optional<Done> answered(void* context);

  const std::shared_ptr<State> state_;
  std::shared_ptr<Channel> channel_;
  std::string uri_;                              ///< returned by Descriptors::offer()
  std::optional<ReceiveThread> receive_thread_;  ///< with a sink

  // Guarded by PahoLibrary::calls().
  MQTTAsync handle_ = nullptr;

  Operations operations_{*this, state_->open_operations};
};

}  // namespace dapr_mqtt::mqtt
