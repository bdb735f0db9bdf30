#include "mqtt/paho_client.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/text.h"
#include "mqtt/connect_arguments.h"
#include "mqtt/descriptors.h"
#include "mqtt/message_properties.h"
#include "mqtt/paho_library.h"
#include "mqtt/reason_codes.h"
#include "mqtt/reason_codes_v5.h"
#include "mqtt/stand_ins.h"

namespace dapr_mqtt::mqtt {
namespace {

/// So large that it is never reached: the queue with a bound is publish/send_queue.
constexpr int kMaxBuffered = 65535;

/// If the broker closes the connection within this time after the last publish, that publish counts
/// as the cause, even if no request is open (QoS 0, or the broker has answered).
constexpr std::chrono::seconds kAnswersWithin{2};
/// If the broker closes the connection this long after the last publish, no publish counts as the
/// cause: NATS closes after 5 s when a cluster has no leader.
constexpr std::chrono::seconds kNoAnswerAfter{4};

using std::chrono::steady_clock;

core::QoS to_qos(int value) { return static_cast<core::QoS>(std::clamp(value, 0, 2)); }

base::Status stand_ins_not_called() {
  return base::internal_error(
      "the MQTT client library did not use the connection that was made for it: it does not call "
      "the functions of this program that replace those of the C library");
}

}  // namespace

// ---- Late events ----

void PahoClient::State::connect_failed(const base::Status& cause, bool by_broker) {
  if (connecting.exchange(false)) events.connect_failed(cause, by_broker);
}

void PahoClient::State::connack(const packets::Connack& connack) {
  answered = true;
  if (connack.code == 0) {
    limits = connack.limits;
    return;  // Paho gets the CONNACK next, and then calls on_connected
  }
  connect_failed(
      protocol == core::ProtocolVersion::kMqtt5
          ? connect_refused({connack.code, connack.reason_string, connack.server_reference},
                            client_id)
          : from_connack(connack.code, client_id),
      true);
}

core::ConnectionEnd PahoClient::State::end_of(Channel::Ending ending) const {
  if (ending == Channel::Ending::kOther) return core::ConnectionEnd::kOther;
  const base::Duration since_publish =
      steady_clock::now().time_since_epoch() - base::Duration(last_publish);
  if (last_publish != 0 && since_publish >= kNoAnswerAfter) {
    return requests_at_end ? core::ConnectionEnd::kOther : core::ConnectionEnd::kClosed;
  }
  return requests_at_end || since_publish < kAnswersWithin ? core::ConnectionEnd::kClosedOnRequest
                                                           : core::ConnectionEnd::kClosed;
}

void PahoClient::State::ended(const base::Status& cause, Channel::Ending ending) {
  if (!connecting) {
    if (!lost.exchange(true)) events.lost(cause, end_of(ending));
    return;
  }
  if (answered || cause.kind() != base::ErrorKind::kUnavailable)
    return connect_failed(cause, false);
  std::string text = ending == Channel::Ending::kStreamClosed
                         ? "the broker closed the connection without an answer to MQTT CONNECT"
                         : cause.message();
  std::string question = why_no_connack(client_id, tls);
  if (protocol == core::ProtocolVersion::kMqtt5) {
    question += " Does it speak MQTT 5? If not, set protocolVersion to \"3.1.1\"";
  }
  text += " (" + question + ")";
  connect_failed(base::unavailable(std::move(text)), false);
}

// ---- The client ----

PahoClient::PahoClient(std::shared_ptr<State> state) : state_(std::move(state)) {}

base::Result<std::shared_ptr<PahoClient>> PahoClient::make(
    std::unique_ptr<transport::ByteStream> stream, const core::ConnectionOptions& options, bool tls,
    Events events, core::MessageSink* sink, std::shared_ptr<packets::AckLedger> ledger) {
  link_stand_ins();
  const auto state = std::make_shared<State>();
  state->events = std::move(events);
  state->client_id = options.client_id;
  state->protocol = options.protocol;
  state->tls = tls;
  const std::shared_ptr<PahoClient> client(new PahoClient(state));

  Descriptors& descriptors = Descriptors::instance();
  const bool own_thread = sink != nullptr;
  const auto receiver = own_thread ? std::make_shared<Waker>() : descriptors.waker();
  client->channel_ = Channel::make(
      std::move(stream),
      Channel::Settings{options.protocol, options.max_payload, options.client_id},
      Channel::Events{[state](const packets::Connack& connack) { state->connack(connack); },
                      [state](const base::Status& cause, Channel::Ending ending) {
                        state->ended(cause, ending);
                      },
                      [state] { state->requests_at_end = state->open_operations > 0; }},
      sink, std::move(ledger), receiver, descriptors.waker());
  auto offered = descriptors.offer(client->channel_, !own_thread);
  if (!offered.ok()) return offered.status();
  client->uri_ = std::move(offered).value();

  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  create.MQTTVersion = paho_version(options.protocol);
  create.sendWhileDisconnected = 0;
  create.maxBufferedMessages = kMaxBuffered;
  {
    base::MutexLock calls(PahoLibrary::instance().calls());
    int code = MQTTAsync_createWithOptions(&client->handle_, client->uri_.c_str(),
                                           options.client_id.c_str(), MQTTCLIENT_PERSISTENCE_NONE,
                                           nullptr, &create);
    if (code == MQTTASYNC_SUCCESS) {
      // Paho requires a callback for messages, although it never gets a message.
      code = MQTTAsync_setCallbacks(client->handle_, client.get(), nullptr, on_message, nullptr);
    }
    if (code != MQTTASYNC_SUCCESS) return from_paho(code, "making an MQTT client");
  }
  try {
    if (own_thread) client->receive_thread_.emplace(client->channel_, receiver);
  } catch (const std::system_error& error) {
    return base::unavailable(std::string("cannot start the receiving thread: ") + error.what());
  }
  return client;
}

PahoClient::~PahoClient() { shut_down(base::cancelled("the MQTT client was closed")); }

base::Status PahoClient::connect(const core::ConnectionOptions& options, bool clean_session) {
  ConnectArguments arguments(options, clean_session);
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
  if (base::Status status = check_publish(limits(), state_->protocol, message); !status.ok())
    return status;
  if (!operations_.has_room_for(message.payload.size())) {
    return base::resource_exhausted("earlier large messages wait for the broker's answer");
  }
  const std::string& topic = message.topic.str();
  ::mqtt::properties properties;
  if (mqtt5() && message.properties) properties = message_properties(*message.properties);
  Done completion = PublishDone{std::move(done), topic};
  base::MutexLock calls(PahoLibrary::instance().calls());
  Operations::Operation* operation = handle_ == nullptr || state_->lost
                                         ? nullptr
                                         : operations_.add(completion, message.payload.size());
  if (operation == nullptr) return base::unavailable("not connected to the broker");
  MQTTAsync_responseOptions response = response_to(*operation);
  response.properties = properties.c_struct();
  state_->last_publish = steady_clock::now().time_since_epoch().count();
  const std::uint64_t id = operation->id;
  const int code = MQTTAsync_send(handle_, topic.c_str(), static_cast<int>(message.payload.size()),
                                  message.payload.data(), core::to_int(message.qos),
                                  message.retain ? 1 : 0, &response);
  // If the operation was taken already, its completion has run, or shut_down() will run it. Then OK
  // is returned here, so that the failure is not reported twice.
  if (code == MQTTASYNC_SUCCESS || !operations_.take(id)) return base::Status();
  return from_paho(code, "publishing to " + base::quote(topic));
}

template <typename Call>
void PahoClient::start(Done done, std::string_view doing, Call call) {
  std::optional<Done> failed;
  int code = MQTTASYNC_DISCONNECTED;
  {
    base::MutexLock calls(PahoLibrary::instance().calls());
    Operations::Operation* operation =
        handle_ == nullptr || state_->lost ? nullptr : operations_.add(done, 0);
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
  if (base::Status status = check_subscribe(limits(), filter); !status.ok()) return done(status);
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

void PahoClient::shut_down(const base::Status& open_operations_status) {
  if (!operations_.close()) return;
  state_->lost = true;  // no event is reported from now on
  state_->connecting = false;
  // First, so that received messages are acknowledged before DISCONNECT.
  if (receive_thread_) {
    receive_thread_->stop();
    channel_->send_acknowledgements();
  }
  {
    // Ends a running attempt too, which MQTTAsync_disconnect cannot.
    base::MutexLock calls(PahoLibrary::instance().calls());
    if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
    handle_ = nullptr;
  }
  // Paho's receive thread may still be in receive().
  if (channel_) {
    channel_->end(open_operations_status);
    channel_->wait_for_receive();
  }
  if (!uri_.empty()) Descriptors::instance().withdraw(uri_);
  for (Done& done : operations_.take_all()) fail(done, open_operations_status);
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
  return self.operations_.take(operation.id);
}

// ---- Called by Paho, on its threads, with its lock held. ----

int PahoClient::on_message(void*, char* topic, int, MQTTAsync_message* message) {
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

void PahoClient::on_connected(void* context, MQTTAsync_successData* data) {
  State& state = *static_cast<PahoClient*>(context)->state_;
  if (state.connecting.exchange(false)) {
    state.events.connected(data->alt.connect.sessionPresent != 0);
  }
}

void PahoClient::on_connected5(void* context, MQTTAsync_successData5* data) {
  State& state = *static_cast<PahoClient*>(context)->state_;
  if (state.connecting.exchange(false)) {
    state.events.connected(data->alt.connect.sessionPresent != 0);
  }
}

// By now the channel has reported the cause, unless Paho never used the channel.
void PahoClient::on_connect_failed(void* context, MQTTAsync_failureData*) {
  static_cast<PahoClient*>(context)->state_->connect_failed(stand_ins_not_called(), false);
}

void PahoClient::on_connect_failed5(void* context, MQTTAsync_failureData5*) {
  static_cast<PahoClient*>(context)->state_->connect_failed(stand_ins_not_called(), false);
}

void PahoClient::on_operation_done(void* context, MQTTAsync_successData* data) {
  if (auto done = answered(context)) succeed(*done, to_qos(data != nullptr ? data->alt.qos : 0));
}

void PahoClient::on_operation_done5(void* context, MQTTAsync_successData5* data) {
  auto done = answered(context);
  if (!done) return;
  // Paho does not set the reason code for a publish, and only UNSUBACK's may be a failure here.
  const int reason =
      std::holds_alternative<PublishDone>(*done) ? 0 : static_cast<int>(data->reasonCode);
  if (reason >= kFirstFailure) {
    const std::string text = reason_string(data->properties);
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
  // 1.3.12 sets only `code` when a write failed.
  if (data == nullptr || data->code != MQTTASYNC_SUCCESS || data->reasonCode < kFirstFailure) {
    const int code =
        data == nullptr || data->code == MQTTASYNC_SUCCESS ? MQTTASYNC_FAILURE : data->code;
    return fail(*done, failure_of(*done, code));
  }
  const std::string text = reason_string(data->properties);
  fail(*done, failure_of(*done, Reason{data->reasonCode, text}));
}

}  // namespace dapr_mqtt::mqtt
