// One Paho client: for one connection attempt and the connection it makes.
#pragma once

#include <MQTTAsync.h>
#include <mqtt/iclient_persistence.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/broker.h"
#include "mqtt/before_acknowledging.h"
#include "mqtt/broker_limits.h"
#include "mqtt/operations.h"
#include "mqtt/persistence_glue.h"
#include "mqtt/tls_files.h"

namespace dapr_mqtt::mqtt {

/// Paho's URI for an endpoint.
std::string paho_uri(const core::Endpoint& endpoint);

/// Thread safety: all methods from any thread except inside Paho's callbacks
/// (that is: inside the functions of Events, the sink, and completions).
/// Ownership: owns the Paho client. The sink and the store outlive it.
///
/// This is the one file that talks to Paho's client, and it talks C. What speaks
/// against mqtt::async_client, read in 1.2.0 and 1.5.2 and measured with 1.2.0:
/// - 1.5.2 makes every C client as an MQTT 5 one (async_client::create), and C
///   1.3.14 then throws the body and topic of a stored MQTT 3.1.1 QoS 2 message
///   away when it restores it (MQTTPersistence_restorePackets): lost messages
///   after a reconnect, with any iclient_persistence.
/// - Its functions that the C library calls allocate and so may throw, through C
///   frames; ours catch at the border.
/// - It copies each payload once more in either direction, and makes a token with
///   a mutex, a condition variable and a list entry for each message. QoS 1,
///   window 50, mosquitto 2.0.11 on loopback, 2 cores: publishing 256 B 46 µs CPU
///   against 39 (17,200/s, 20,200/s), 64 KiB 107 µs against 68 (5,100/s, 9,900/s);
///   receiving 64 KiB 78 µs against 34.
/// - It hides its MQTTAsync, so it cannot be used for the rest only.
/// From paho.mqtt.cpp comes the interface of the store (InboundStore).
class PahoClient final : private shims::BeforeAcknowledging {
 public:
  /// Called on Paho's threads with its lock held: to post elsewhere, no more.
  struct Events {
    std::function<void(bool session_present)> connected;
    /// The broker's refusal in CONNACK, or OK when the attempt ended without one.
    std::function<void(base::Status refusal)> connect_failed;
    /// A connection broke; no operation completes any more. With the broker's
    /// reason, if it gave one (MQTT 5's DISCONNECT), else OK. Or it is of no more use, since
    /// nothing is acknowledged on it any more: RESOURCE_EXHAUSTED.
    std::function<void(base::Status reason)> lost;
  };
  using Subscribed = core::BrokerConsumer::Subscribed;

  /// `sink` null: messages are ignored. `store` null: none.
  static base::Result<std::shared_ptr<PahoClient>> make(const core::Endpoint& endpoint,
                                                        const core::ConnectionOptions& options,
                                                        Events events, core::MessageSink* sink,
                                                        ::mqtt::iclient_persistence* store);
  /// Shuts down.
  ~PahoClient() override;
  PahoClient(const PahoClient&) = delete;
  PahoClient& operator=(const PahoClient&) = delete;

  /// Begins the one attempt of this client's life. OK: `connected` or
  /// `connect_failed` will follow, if no shut_down() comes first. `options` are
  /// those that it was made with.
  base::Status connect(const core::ConnectionOptions& options, const TlsFiles& files,
                       bool clean_session, std::chrono::seconds keep_alive);
  /// What the broker said in CONNACK. From `connected` on.
  const BrokerLimits& limits() const { return limits_; }

  /// As in BrokerPublisher. RESOURCE_EXHAUSTED while others are open and all of
  /// them would hold more than a few MiB; INVALID_ARGUMENT past the broker's limits.
  base::Status publish(const core::OutgoingMessage& message, Completion done);
  /// As in BrokerConsumer.
  void subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                 Subscribed done);
  void unsubscribe(const core::TopicFilter& filter, Completion done);

  /// Operations begun and not completed.
  std::size_t open_operations() const { return operations_.size(); }
  /// Operations completed by the broker so far: to see progress.
  std::uint64_t completed() const { return completed_.load(std::memory_order_relaxed); }

  /// What Paho thinks, which it does not always say.
  bool library_connected() const;

  /// Sends DISCONNECT if connected, closes the socket and destroys the Paho client,
  /// then completes what is still open with `open_operations_get`. Does not wait for
  /// the network. When it returns, no callback runs or will run. Idempotent.
  void shut_down(const base::Status& open_operations_get);

 private:
  PahoClient(Events events, core::ProtocolVersion protocol, std::string client_id,
             core::MessageSink* sink);

  // Called by Paho; those that end in 5 with MQTT 5.
  static int on_message(void* context, char* topic, int topic_size, MQTTAsync_message* message);
  static void on_lost(void* context, char* cause);
  static void on_disconnect5(void* context, MQTTProperties* properties, MQTTReasonCodes code);
  static void on_connected(void* context, MQTTAsync_successData* data);
  static void on_connected5(void* context, MQTTAsync_successData5* data);
  static void on_connect_failed(void* context, MQTTAsync_failureData* data);
  static void on_connect_failed5(void* context, MQTTAsync_failureData5* data);
  static void on_operation_done(void* context, MQTTAsync_successData* data);
  static void on_operation_done5(void* context, MQTTAsync_successData5* data);
  static void on_operation_failed(void* context, MQTTAsync_failureData* data);
  static void on_operation_failed5(void* context, MQTTAsync_failureData5* data);

  void store_changed(bool taken);
  bool secure() noexcept override;

  bool mqtt5() const { return protocol_ == core::ProtocolVersion::kMqtt5; }
  void lose(const base::Status& how);
  /// Runs `call` with a new operation; completes it at once if that fails.
  template <typename Call>
  void start(Done done, std::string_view doing, Call call);
  MQTTAsync_responseOptions response_to(Operations::Operation& operation) const;
  /// The answered operation's; none when shut_down() has it.
  static std::optional<Done> answered(void* context);

  const Events events_;
  const core::ProtocolVersion protocol_;
  const std::string client_id_;
  core::MessageSink* const sink_;
  std::optional<Persistence> persistence_;
  MQTTClient_persistence persistence_functions_{};
  BrokerLimits limits_;  // written once, before `connected`

  // Guarded by PahoLibrary::calls().
  MQTTAsync handle_ = nullptr;

  std::atomic<bool> lost_{false};
  /// The store did not take a change: nothing of it may be acknowledged.
  std::atomic<bool> unsafe_{false};
  std::atomic<std::uint64_t> completed_{0};
  Operations operations_{*this};
};

}  // namespace dapr_mqtt::mqtt
