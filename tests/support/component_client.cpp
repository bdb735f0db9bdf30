#include "support/component_client.h"

#include <utility>

namespace dapr_mqtt::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void name_instance(grpc::ClientContext& context, const std::string& instance) {
  if (!instance.empty()) context.AddMetadata("x-component-instance", instance);
}

}  // namespace

PullStream::PullStream(wire::PubSub::Stub& stub, const std::string& instance) {
  name_instance(context_, instance);
  stream_ = stub.PullMessages(&context_);
  reader_ = std::thread([this] { read(); });
}

PullStream::~PullStream() {
  context_.TryCancel();
  reader_.join();
}

void PullStream::read() {
  wire::PullMessagesResponse message;
  while (stream_->Read(&message)) {
    base::MutexLock lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  const grpc::Status status = stream_->Finish();
  base::MutexLock lock(mutex_);
  status_ = status;
  changed_.notify_all();
}

std::optional<wire::PullMessagesResponse> PullStream::next(milliseconds within) {
  const auto deadline = steady_clock::now() + within;
  base::MutexLock lock(mutex_);
  while (messages_.empty()) {
    if (status_ || !changed_.wait_until(mutex_, deadline)) break;
  }
  if (messages_.empty()) return std::nullopt;
  wire::PullMessagesResponse message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::vector<wire::PullMessagesResponse> PullStream::take(std::size_t count, milliseconds within) {
  const auto deadline = steady_clock::now() + within;
  std::vector<wire::PullMessagesResponse> out;
  while (out.size() < count) {
    const auto left = deadline - steady_clock::now();
    auto message = next(std::chrono::duration_cast<milliseconds>(left));
    if (!message) break;
    out.push_back(std::move(*message));
  }
  return out;
}

void PullStream::send(const wire::PullMessagesRequest& request) { stream_->Write(request); }

void PullStream::ack(const std::string& id) {
  wire::PullMessagesRequest request;
  request.set_ack_message_id(id);
  send(request);
}

void PullStream::nack(const std::string& id, const std::string& error) {
  wire::PullMessagesRequest request;
  request.set_ack_message_id(id);
  request.mutable_ack_error()->set_message(error);
  send(request);
}

std::optional<grpc::Status> PullStream::finish(milliseconds within) {
  stream_->WritesDone();
  return wait_for_end(within);
}

std::optional<grpc::Status> PullStream::wait_for_end(milliseconds within) {
  const auto deadline = steady_clock::now() + within;
  base::MutexLock lock(mutex_);
  while (!status_) {
    if (!changed_.wait_until(mutex_, deadline)) break;
  }
  return status_;
}

ComponentClient::ComponentClient(const std::string& address, std::string instance)
    : instance_(std::move(instance)) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else channels share a connection
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  stub_ = wire::PubSub::NewStub(channel_);
}

void ComponentClient::prepare(grpc::ClientContext& context, milliseconds timeout) const {
  name_instance(context, instance_);
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

grpc::Status ComponentClient::init(const Properties& metadata, milliseconds timeout) {
  grpc::ClientContext context;
  prepare(context, timeout);
  wire::PubSubInitRequest request;
  request.mutable_metadata()->mutable_properties()->insert(metadata.begin(), metadata.end());
  wire::PubSubInitResponse response;
  return stub_->Init(&context, request, &response);
}

grpc::Status ComponentClient::features(std::vector<std::string>& out) {
  grpc::ClientContext context;
  prepare(context);
  wire::FeaturesResponse response;
  const grpc::Status status = stub_->Features(&context, wire::FeaturesRequest(), &response);
  out.assign(response.features().begin(), response.features().end());
  return status;
}

grpc::Status ComponentClient::publish(const std::string& topic, const std::string& data,
                                      const Properties& metadata, milliseconds timeout) {
  grpc::ClientContext context;
  prepare(context, timeout);
  wire::PublishRequest request;
  request.set_topic(topic);
  request.set_data(data);
  request.set_pubsub_name(instance_);
  request.mutable_metadata()->insert(metadata.begin(), metadata.end());
  wire::PublishResponse response;
  return stub_->Publish(&context, request, &response);
}

BulkAnswer ComponentClient::bulk_publish(const wire::BulkPublishRequest& request,
                                         milliseconds timeout) {
  grpc::ClientContext context;
  prepare(context, timeout);
  wire::BulkPublishResponse response;
  BulkAnswer answer;
  answer.status = stub_->BulkPublish(&context, request, &response);
  for (const auto& entry : response.failed_entries())
    answer.failed[entry.entry_id()] = entry.error();
  return answer;
}

grpc::Status ComponentClient::pause() {
  grpc::ClientContext context;
  prepare(context);
  wire::PauseResponse response;
  return stub_->Pause(&context, wire::PauseRequest(), &response);
}

grpc::Status ComponentClient::resume() {
  grpc::ClientContext context;
  prepare(context);
  wire::ResumeResponse response;
  return stub_->Resume(&context, wire::ResumeRequest(), &response);
}

grpc::Status ComponentClient::ping() {
  grpc::ClientContext context;
  prepare(context);
  wire::PingResponse response;
  return stub_->Ping(&context, wire::PingRequest(), &response);
}

std::unique_ptr<PullStream> ComponentClient::open_stream() {
  return std::unique_ptr<PullStream>(new PullStream(*stub_, instance_));
}

std::unique_ptr<PullStream> ComponentClient::pull(const std::string& topic,
                                                  const Properties& metadata) {
  auto stream = open_stream();
  wire::PullMessagesRequest request;
  request.mutable_topic()->set_name(topic);
  request.mutable_topic()->mutable_metadata()->insert(metadata.begin(), metadata.end());
  stream->send(request);
  return stream;
}

}  // namespace dapr_mqtt::testing
