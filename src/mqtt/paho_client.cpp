#include "mqtt/paho_client.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/text.h"
#include "mqtt/connack_guard.h"
#include "mqtt/connect_arguments.h"
#include "mqtt/paho_library.h"
#include "mqtt/paho_threads.h"
#include "mqtt/properties.h"
#include "mqtt/reason_codes.h"
#include "mqtt/reason_codes_v5.h"

namespace dapr_mqtt::mqtt {
namespace {

/// Out of the way: the queue is publish/send_queue.
constexpr int kMaxBuffered = 65535;

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

PahoClient::PahoClient(Events events, core::ProtocolVersion protocol, std::string client_id,
                       core::MessageSink* sink)
    : events_(std::move(events)),
      protocol_(protocol),
      client_id_(std::move(client_id)),
      sink_(sink) {}

base::Result<std::shared_ptr<PahoClient>> PahoClient::make(const core::Endpoint& endpoint,
                                                           const core::ConnectionOptions& options,
                                                           Events events, core::MessageSink* sink,
                                                           ::mqtt::iclient_persistence* store) {
  const std::shared_ptr<PahoClient> client(
      new PahoClient(std::move(events), options.protocol, options.client_id, sink));
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  create.MQTTVersion = paho_version(options.protocol);
  create.sendWhileDisconnected = 0;
  create.maxBufferedMessages = kMaxBuffered;
  if (store != nullptr) {
    PahoClient& self = *client;
    self.persistence_.emplace(
        Persistence{*store, [&self](bool taken) { self.store_changed(taken); }});
    self.persistence_functions_ = persistence_for(*self.persistence_);
  }
  base::MutexLock calls(PahoLibrary::instance().calls());
  int code = MQTTAsync_createWithOptions(
      &client->handle_, paho_uri(endpoint).c_str(), options.client_id.c_str(),
      store != nullptr ? MQTTCLIENT_PERSISTENCE_USER : MQTTCLIENT_PERSISTENCE_NONE,
      store != nullptr ? &client->persistence_functions_ : nullptr, &create);
  if (code == MQTTASYNC_SUCCESS) {
    code = MQTTAsync_setCallbacks(client->handle_, client.get(), on_lost, on_message, nullptr);
  }
  if (code == MQTTASYNC_SUCCESS && client->mqtt5()) {
    code = MQTTAsync_setDisconnected(client->handle_, client.get(), on_disconnect5);
  }
  if (code != MQTTASYNC_SUCCESS) return from_paho(code, "making an MQTT client");
  return client;
}

PahoClient::~PahoClient() { shut_down(base::cancelled("the MQTT client was closed")); }

base::Status PahoClient::connect(const core::ConnectionOptions& options, const TlsFiles& files,
                                 bool clean_session, std::chrono::seconds keep_alive) {
  ConnectArguments arguments(options, files, clean_session, keep_alive);
  MQTTAsync_connectOptions& connect = arguments.options();
  connect.context = this;
  if (mqtt5()) {
    connect.onSuccess5 = on_connected5;
    connect.onFailure5 = on_connect_failed5;
  } else {
    connect.onSuccess = on_connected;
    connect.onFailure = on_connect_failed;
  }
  base::MutexLock calls(PahoLibrary::instance().calls());
  if (handle_ == nullptr) return base::cancelled("the MQTT client was closed");
  const int code = MQTTAsync_connect(handle_, &connect);
  return code == MQTTASYNC_SUCCESS ? base::Status() : from_paho(code, "connecting");
}

base::Status PahoClient::publish(const core::OutgoingMessage& message, Completion done) {
  if (base::Status status = check_publish(limits_, protocol_, message); !status.ok()) return status;
  if (!operations_.has_room_for(message.payload.size())) {
    return base::resource_exhausted("large messages before this one wait for the broker's answer");
  }
  const std::string& topic = message.topic.str();
  PropertyList properties;
  if (mqtt5() && message.properties) add_message_properties(*message.properties, properties);
  Done completion = PublishDone{std::move(done), topic};
  base::MutexLock calls(PahoLibrary::instance().calls());
  Operations::Operation* operation = handle_ == nullptr || lost_
                                         ? nullptr
                                         : operations_.add(completion, message.payload.size());
  if (operation == nullptr) return base::unavailable("not connected to the broker");
  MQTTAsync_responseOptions response = response_to(*operation);
  response.properties = properties.raw();
  const std::uint64_t id = operation->id;
  const int code = MQTTAsync_send(handle_, topic.c_str(), static_cast<int>(message.payload.size()),
                                  message.payload.data(), core::to_int(message.qos),
                                  message.retain ? 1 : 0, &response);
  if (code == MQTTASYNC_SUCCESS) return base::Status();
  operations_.take(id);
  return from_paho(code, "publishing to " + base::quote(topic));
}

template <typename Call>
void PahoClient::start(Done done, std::string_view doing, Call call) {
  std::optional<Done> failed;
  int code = MQTTASYNC_DISCONNECTED;
  {
    base::MutexLock calls(PahoLibrary::instance().calls());
    Operations::Operation* operation =
        handle_ == nullptr || lost_ ? nullptr : operations_.add(done, 0);
    if (operation == nullptr) {
      failed = std::move(done);
    } else {
      MQTTAsync_responseOptions response = response_to(*operation);
      const std::uint64_t id = operation->id;
      code = call(handle_, response);
      if (code != MQTTASYNC_SUCCESS) failed = operations_.take(id);
    }
  }
  if (failed) fail(*failed, from_paho(code, doing));
}

void PahoClient::subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                           Subscribed done) {
  if (base::Status status = check_subscribe(limits_, filter); !status.ok()) return done(status);
  start(SubscribeDone{std::move(done), filter}, "subscribing to " + base::quote(filter.str()),
        [&](MQTTAsync handle, MQTTAsync_responseOptions& response) {
          if (mqtt5()) {
            response.subscribeOptions.noLocal = options.no_local ? 1 : 0;
            response.subscribeOptions.retainAsPublished = options.retain_as_published ? 1 : 0;
            response.subscribeOptions.retainHandling =
                static_cast<unsigned char>(options.retain_handling);
          }
          return MQTTAsync_subscribe(handle, filter.str().c_str(), core::to_int(options.qos),
                                     &response);
        });
}

void PahoClient::unsubscribe(const core::TopicFilter& filter, Completion done) {
  start(UnsubscribeDone{std::move(done)}, "unsubscribing from " + base::quote(filter.str()),
        [&](MQTTAsync handle, MQTTAsync_responseOptions& response) {
          return MQTTAsync_unsubscribe(handle, filter.str().c_str(), &response);
        });
}

bool PahoClient::library_connected() const {
  base::MutexLock calls(PahoLibrary::instance().calls());
  return handle_ != nullptr && MQTTAsync_isConnected(handle_) != 0;
}

void PahoClient::shut_down(const base::Status& open_operations_get) {
  if (!operations_.close()) return;
  {
    // Also when an attempt is under way, which MQTTAsync_disconnect cannot end.
    base::MutexLock calls(PahoLibrary::instance().calls());
    if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
    handle_ = nullptr;
  }
  shims::forget(*this);
  for (Done& done : operations_.take_all()) fail(done, open_operations_get);
}

MQTTAsync_responseOptions PahoClient::response_to(Operations::Operation& operation) const {
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  response.context = &operation;
  if (mqtt5()) {
    response.onSuccess5 = on_operation_done5;
    response.onFailure5 = on_operation_failed5;
  } else {
    response.onSuccess = on_operation_done;
    response.onFailure = on_operation_failed;
  }
  return response;
}

std::optional<Done> PahoClient::answered(void* context) {
  auto& operation = *static_cast<Operations::Operation*>(context);
  PahoClient& self = *operation.client;
  auto done = self.operations_.take(operation.id);
  if (done) self.completed_.fetch_add(1, std::memory_order_relaxed);
  return done;
}

void PahoClient::lose(const base::Status& how) {
  if (!lost_.exchange(true)) events_.lost(how);
}

void PahoClient::store_changed(bool taken) {
  // Elsewhere there is nothing to acknowledge.
  if (shims::caller() != shims::Caller::kReceive) return;
  if (!taken) unsafe_ = true;
  shims::do_before_acknowledging(*this);
}

bool PahoClient::secure() noexcept {
  if (!unsafe_ && (sink_ == nullptr || sink_->secure())) return true;
  try {
    lose(base::resource_exhausted(
        "what came in could not be stored, so the broker gets no acknowledgement for it and "
        "sends it again"));
  } catch (const std::bad_alloc&) {  // its keep alive ends it, then
    lost_ = true;
  }
  return false;
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
      if (self.mqtt5()) incoming.properties = message_properties(message->properties);
      incoming.received = base::SystemWallClock().now();
      if (message->qos == 2) incoming.packet.id = static_cast<std::uint16_t>(message->msgid);
      self.sink_->on_message(std::move(incoming));
      // Behind it: a task that another thread did in between would not cover the message.
      shims::do_before_acknowledging(self);
    } catch (...) {
      return 0;  // out of memory: Paho keeps the message and offers it again
    }
  }
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return kTaken;
}

void PahoClient::on_lost(void* context, char*) { static_cast<PahoClient*>(context)->lose({}); }

void PahoClient::on_disconnect5(void* context, MQTTProperties* properties, MQTTReasonCodes code) {
  // Paho calls on_lost for it no more (1.3.12 to 1.3.14).
  auto& self = *static_cast<PahoClient*>(context);
  const std::string text = text_property(*properties, MQTTPROPERTY_CODE_REASON_STRING);
  self.lose(disconnected_by_broker({code, text}, self.client_id_));
}

void PahoClient::on_connected(void* context, MQTTAsync_successData* data) {
  static_cast<PahoClient*>(context)->events_.connected(data->alt.connect.sessionPresent != 0);
}

void PahoClient::on_connected5(void* context, MQTTAsync_successData5* data) {
  auto& self = *static_cast<PahoClient*>(context);
  if (plausible(data->properties)) self.limits_ = limits_in_connack(data->properties);
  self.events_.connected(data->alt.connect.sessionPresent != 0);
}

void PahoClient::on_connect_failed(void* context, MQTTAsync_failureData* data) {
  // CONNACK's codes are positive, Paho's own negative.
  auto& self = *static_cast<PahoClient*>(context);
  const int code = data != nullptr ? data->code : 0;
  self.events_.connect_failed(code > 0 ? from_connack(code, self.client_id_) : base::Status());
}

void PahoClient::on_connect_failed5(void* context, MQTTAsync_failureData5* data) {
  // CONNACK's reason is in `code` too, and its reason string nowhere.
  auto& self = *static_cast<PahoClient*>(context);
  const int code = data != nullptr ? data->code : 0;
  if (code > 0 && code < kFirstFailure) skip_next_properties_free();
  self.events_.connect_failed(code > 0 ? connect_refused({code}, self.client_id_)
                                       : base::Status());
}

void PahoClient::on_operation_done(void* context, MQTTAsync_successData* data) {
  if (auto done = answered(context)) succeed(*done, to_qos(data != nullptr ? data->alt.qos : 0));
}

void PahoClient::on_operation_done5(void* context, MQTTAsync_successData5* data) {
  auto done = answered(context);
  if (!done) return;
  // Of these a publish's is not filled in, and only UNSUBACK's may be a failure.
  const int reason =
      std::holds_alternative<PublishDone>(*done) ? 0 : static_cast<int>(data->reasonCode);
  if (reason >= kFirstFailure) {
    const std::string text = text_property(data->properties, MQTTPROPERTY_CODE_REASON_STRING);
    return fail(*done, failure_of(*done, Reason{reason, text}));
  }
  succeed(*done, to_qos(reason));
}

void PahoClient::on_operation_failed(void* context, MQTTAsync_failureData* data) {
  if (auto done = answered(context)) {
    fail(*done, failure_of(*done, data != nullptr ? data->code : MQTTASYNC_FAILURE));
  }
}

void PahoClient::on_operation_failed5(void* context, MQTTAsync_failureData5* data) {
  auto done = answered(context);
  if (!done) return;
  // 1.3.12 leaves all but the code unset when a write failed.
  if (data == nullptr || data->code != MQTTASYNC_SUCCESS || data->reasonCode < kFirstFailure) {
    const int code =
        data == nullptr || data->code == MQTTASYNC_SUCCESS ? MQTTASYNC_FAILURE : data->code;
    return fail(*done, failure_of(*done, code));
  }
  const std::string text = text_property(data->properties, MQTTPROPERTY_CODE_REASON_STRING);
  fail(*done, failure_of(*done, Reason{data->reasonCode, text}));
}

}  // namespace dapr_mqtt::mqtt
