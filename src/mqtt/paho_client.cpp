#include "mqtt/paho_client.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/text.h"
#include "mqtt/paho_library.h"
#include "mqtt/persistence_glue.h"
#include "mqtt/reason_codes.h"

namespace dapr_mqtt::mqtt {
namespace {

/// Out of the way: the window is the publisher's (1.3.12 stalls for a second each
/// time its own is reached).
constexpr int kPahoMaxInflight = 65535;
/// Our timer ends an attempt first, to the millisecond; Paho looks every 3 s.
constexpr std::chrono::seconds kBeyondOurTimer{5};
/// SUBACK's "failure" (MQTT 3.1.1 section 3.9.3).
constexpr int kSubackFailure = 0x80;

/// What Paho is given at a time, if it is more than one message. It copies each
/// payload, and C 1.3.12 never frees those that it had not begun to send when its
/// client is destroyed (paho.mqtt.c #1474): 50 MB each time that a broker hung and
/// went with 50 messages of 1 MiB open. This much in flight still fills 80 MB/s at
/// a round trip of 50 ms.
constexpr std::size_t kMaxOpenBytes = 4U << 20U;

core::QoS to_qos(int value) { return static_cast<core::QoS>(std::clamp(value, 0, 2)); }

}  // namespace

std::string paho_uri(const core::Endpoint& endpoint) {
  // With brackets, Paho's certificate check compares "[::1" (1.3.12 to 1.3.14);
  // without, it takes what follows the last colon for the port, which is right.
  const bool brackets = endpoint.host.find(':') != std::string::npos &&
                        endpoint.transport == core::Transport::kWebSocket;
  std::string uri;
  switch (endpoint.transport) {
    case core::Transport::kTcp: uri = "tcp://"; break;
    case core::Transport::kTls: uri = "ssl://"; break;
    case core::Transport::kWebSocket: uri = "ws://"; break;
    case core::Transport::kWebSocketTls: uri = "wss://"; break;
  }
  uri += brackets ? "[" + endpoint.host + "]" : endpoint.host;
  return uri + ":" + std::to_string(endpoint.port) + endpoint.path;
}

PahoClient::PahoClient(Events events, core::MessageSink* sink)
    : events_(std::move(events)), sink_(sink) {}

base::Result<std::shared_ptr<PahoClient>> PahoClient::make(const core::Endpoint& endpoint,
                                                           const std::string& client_id,
                                                           Events events, core::MessageSink* sink,
                                                           ::mqtt::iclient_persistence* store) {
  const std::shared_ptr<PahoClient> client(new PahoClient(std::move(events), sink));
  MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
  options.MQTTVersion = MQTTVERSION_3_1_1;
  options.sendWhileDisconnected = 0;
  options.maxBufferedMessages = kPahoMaxInflight;
  if (store != nullptr) client->persistence_ = persistence_for(*store);
  base::MutexLock calls(PahoLibrary::instance().calls());
  int code = MQTTAsync_createWithOptions(
      &client->handle_, paho_uri(endpoint).c_str(), client_id.c_str(),
      store != nullptr ? MQTTCLIENT_PERSISTENCE_USER : MQTTCLIENT_PERSISTENCE_NONE,
      store != nullptr ? &client->persistence_ : nullptr, &options);
  if (code == MQTTASYNC_SUCCESS) {
    code = MQTTAsync_setCallbacks(client->handle_, client.get(), on_lost, on_message, nullptr);
  }
  if (code != MQTTASYNC_SUCCESS) return from_paho(code, "making an MQTT client");
  return client;
}

PahoClient::~PahoClient() { shut_down(base::cancelled("the MQTT client was closed")); }

base::Status PahoClient::connect(const core::ConnectionOptions& options, const TlsFiles& files,
                                 bool clean_session) {
  MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
  const auto path = [](const SealedFile& file) {
    return file.path().empty() ? nullptr : file.path().c_str();
  };
  tls.trustStore = path(files.ca);  // null: the system's, where OpenSSL's defaults are
  tls.keyStore = path(files.cert);
  tls.privateKey = path(files.key);
  tls.enableServerCertAuth = 1;  // the chain
  tls.verify = 1;                // the host name; off by default (paho.mqtt.c #630)

  MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer;
  connect.MQTTVersion = MQTTVERSION_3_1_1;
  connect.keepAliveInterval =
      static_cast<int>(std::min<std::int64_t>(options.keep_alive.count(), 65535));
  connect.cleansession = clean_session ? 1 : 0;
  connect.maxInflight = kPahoMaxInflight;
  connect.connectTimeout = static_cast<int>(
      (std::chrono::ceil<std::chrono::seconds>(options.connect_timeout) + kBeyondOurTimer).count());
  connect.automaticReconnect = 0;
  connect.ssl = &tls;
  connect.context = this;
  connect.onSuccess = on_connected;
  connect.onFailure = on_connect_failed;
  const std::string& password = options.password.reveal();
  // A password needs a user name, if only an empty one (MQTT-3.1.2-22).
  if (!options.username.empty() || !password.empty()) connect.username = options.username.c_str();
  if (!password.empty()) {
    connect.binarypwd.data = password.data();
    connect.binarypwd.len = static_cast<int>(password.size());
  }
  base::MutexLock calls(PahoLibrary::instance().calls());
  if (handle_ == nullptr) return base::cancelled("the MQTT client was closed");
  const int code = MQTTAsync_connect(handle_, &connect);
  return code == MQTTASYNC_SUCCESS ? base::Status() : from_paho(code, "connecting");
}

base::Status PahoClient::publish(const core::OutgoingMessage& message, Completion done) {
  if (!has_room_for(message.payload.size())) {
    return base::resource_exhausted("large messages before this one wait for the broker's answer");
  }
  Done completion(std::in_place_type<Completion>, std::move(done));
  base::MutexLock calls(PahoLibrary::instance().calls());
  Operation* operation =
      handle_ == nullptr || lost_ ? nullptr : add(completion, message.payload.size());
  if (operation == nullptr) return base::unavailable("not connected to the broker");
  MQTTAsync_responseOptions response = response_to(*operation);
  const std::uint64_t id = operation->id;
  const int code = MQTTAsync_send(handle_, message.topic.str().c_str(),
                                  static_cast<int>(message.payload.size()), message.payload.data(),
                                  core::to_int(message.qos), message.retain ? 1 : 0, &response);
  if (code == MQTTASYNC_SUCCESS) return base::Status();
  take(id);
  return from_paho(code, "publishing to " + base::quote(message.topic.str()));
}

template <typename Call>
void PahoClient::start(Done done, std::string_view doing, Call call) {
  std::optional<Done> failed;
  int code = MQTTASYNC_DISCONNECTED;
  {
    base::MutexLock calls(PahoLibrary::instance().calls());
    Operation* operation = handle_ == nullptr || lost_ ? nullptr : add(done, 0);
    if (operation == nullptr) {
      failed = std::move(done);
    } else {
      MQTTAsync_responseOptions response = response_to(*operation);
      const std::uint64_t id = operation->id;
      code = call(handle_, response);
      if (code != MQTTASYNC_SUCCESS) failed = take(id);
    }
  }
  if (failed) complete(*failed, from_paho(code, doing));
}

void PahoClient::subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                           Subscribed done) {
  start(SubscribeDone{std::move(done), filter}, "subscribing to " + base::quote(filter.str()),
        [&](MQTTAsync handle, MQTTAsync_responseOptions& response) {
          return MQTTAsync_subscribe(handle, filter.str().c_str(), core::to_int(options.qos),
                                     &response);
        });
}

void PahoClient::unsubscribe(const core::TopicFilter& filter, Completion done) {
  start(std::move(done), "unsubscribing from " + base::quote(filter.str()),
        [&](MQTTAsync handle, MQTTAsync_responseOptions& response) {
          return MQTTAsync_unsubscribe(handle, filter.str().c_str(), &response);
        });
}

std::size_t PahoClient::open_operations() const {
  base::MutexLock lock(mutex_);
  return operations_.size();
}

bool PahoClient::library_connected() const {
  base::MutexLock calls(PahoLibrary::instance().calls());
  return handle_ != nullptr && MQTTAsync_isConnected(handle_) != 0;
}

void PahoClient::shut_down(const base::Status& open_operations_get) {
  {
    base::MutexLock lock(mutex_);
    if (std::exchange(shut_down_, true)) return;
  }
  {
    // Also when an attempt is under way, which MQTTAsync_disconnect cannot end.
    base::MutexLock calls(PahoLibrary::instance().calls());
    if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
    handle_ = nullptr;
  }
  std::unordered_map<std::uint64_t, Operation> open;
  {
    base::MutexLock lock(mutex_);
    open.swap(operations_);
  }
  for (auto& [id, operation] : open) complete(operation.done, open_operations_get);
}

MQTTAsync_responseOptions PahoClient::response_to(Operation& operation) {
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  response.context = &operation;
  response.onSuccess = on_operation_done;
  response.onFailure = on_operation_failed;
  return response;
}

PahoClient::Operation* PahoClient::add(Done& done, std::size_t bytes) {
  base::MutexLock lock(mutex_);
  if (shut_down_) return nullptr;
  const std::uint64_t id = ++last_operation_;
  open_bytes_ += bytes;
  return &operations_.emplace(id, Operation{this, id, bytes, std::move(done)}).first->second;
}

bool PahoClient::has_room_for(std::size_t bytes) const {
  base::MutexLock lock(mutex_);
  return open_bytes_ == 0 || open_bytes_ + bytes <= kMaxOpenBytes;
}

std::optional<PahoClient::Done> PahoClient::take(std::uint64_t id) {
  base::MutexLock lock(mutex_);
  if (shut_down_) return std::nullopt;
  auto node = operations_.extract(id);
  if (node.empty()) return std::nullopt;
  open_bytes_ -= node.mapped().bytes;
  return std::move(node.mapped().done);
}

void PahoClient::complete(Done& done, bool success, int code) {
  if (auto* subscription = std::get_if<SubscribeDone>(&done)) {
    if (success) {
      subscription->done(to_qos(code));
    } else {
      complete(done, code == kSubackFailure ? subscription_refused(subscription->filter)
                                            : from_paho(code, "subscribing"));
    }
  } else if (success) {
    std::get<Completion>(done)(base::Status());
  } else {
    complete(done, from_paho(code, "sending to the broker"));
  }
}

void PahoClient::complete(Done& done, const base::Status& failure) {
  if (auto* subscription = std::get_if<SubscribeDone>(&done)) {
    subscription->done(failure);
  } else {
    std::get<Completion>(done)(failure);
  }
}

// ---- Called by Paho, on its threads, with its lock held. ----

int PahoClient::on_message(void* context, char* topic, int topic_size, MQTTAsync_message* message) {
  auto& self = *static_cast<PahoClient*>(context);
  constexpr int kTaken = 1;
  if (self.sink_ != nullptr) {
    try {
      core::IncomingMessage incoming;
      // 0: the topic ends with its NUL; else it holds NULs.
      incoming.topic.assign(
          topic, topic_size > 0 ? static_cast<std::size_t>(topic_size) : std::strlen(topic));
      incoming.payload.assign(static_cast<const char*>(message->payload),
                              static_cast<std::size_t>(message->payloadlen));
      incoming.qos = to_qos(message->qos);
      incoming.retained = message->retained != 0;
      incoming.duplicate = message->dup != 0;
      incoming.received = base::SystemWallClock().now();
      if (message->qos == 2) incoming.packet.id = static_cast<std::uint16_t>(message->msgid);
      self.sink_->on_message(std::move(incoming));
    } catch (...) {
      return 0;  // out of memory: Paho keeps the message and offers it again
    }
  }
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return kTaken;
}

void PahoClient::on_lost(void* context, char*) {
  auto& self = *static_cast<PahoClient*>(context);
  if (!self.lost_.exchange(true)) self.events_.lost();
}

void PahoClient::on_connected(void* context, MQTTAsync_successData* data) {
  static_cast<PahoClient*>(context)->events_.connected(data->alt.connect.sessionPresent != 0);
}

void PahoClient::on_connect_failed(void* context, MQTTAsync_failureData* data) {
  // CONNACK's codes are positive, Paho's own negative.
  static_cast<PahoClient*>(context)->events_.connect_failed(
      data != nullptr ? std::max(data->code, 0) : 0);
}

void PahoClient::on_operation_done(void* context, MQTTAsync_successData* data) {
  auto& operation = *static_cast<Operation*>(context);
  PahoClient& self = *operation.client;
  auto done = self.take(operation.id);
  if (!done) return;
  self.completed_.fetch_add(1, std::memory_order_relaxed);
  complete(*done, true, data != nullptr ? data->alt.qos : 0);
}

void PahoClient::on_operation_failed(void* context, MQTTAsync_failureData* data) {
  auto& operation = *static_cast<Operation*>(context);
  PahoClient& self = *operation.client;
  auto done = self.take(operation.id);
  if (!done) return;
  self.completed_.fetch_add(1, std::memory_order_relaxed);
  complete(*done, false, data != nullptr ? data->code : MQTTASYNC_FAILURE);
}

}  // namespace dapr_mqtt::mqtt
