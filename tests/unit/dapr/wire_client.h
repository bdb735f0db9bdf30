// A client of the component's socket with its own connection, like daprd.
#pragma once

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dapr/wire.h"
#include "unit/dapr/unix_socket.h"

namespace dapr_mqtt::testing {

namespace wire = ::dapr::proto::components::v1;

class WireClient {
 public:
  static constexpr std::chrono::seconds kPatience{30};

  explicit WireClient(const std::string& path, std::string name = "orders")
      : name_(std::move(name)) {
    base::UniqueFd fd = connect_to(path);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    socket_.reset(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(4 * 1024 * 1024);  // as daprd's
    channel_ = grpc::CreateCustomInsecureChannelFromFd("localhost", fd.release(), arguments);
    stub_ = wire::PubSub::NewStub(channel_);
  }

  wire::PubSub::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  /// Ends the connection at once, as when the process dies: bytes that were written before still
  /// arrive.
  void hang_up() { ::shutdown(socket_.get(), SHUT_RDWR); }

  /// Has the header (unless the name is empty) and a deadline far away.
  void prepare(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    if (!name_.empty()) context.AddMetadata("x-component-instance", name_);
  }

  grpc::Status init(const std::map<std::string, std::string>& metadata = {}) {
    wire::PubSubInitRequest request;
    request.mutable_metadata()->mutable_properties()->insert(metadata.begin(), metadata.end());
    return call(&wire::PubSub::Stub::Init, request, init_response);
  }
  grpc::Status features() {
    return call(&wire::PubSub::Stub::Features, wire::FeaturesRequest(), features_response);
  }
  grpc::Status publish(const std::string& topic, const std::string& data) {
    wire::PublishRequest request;
    request.set_topic(topic);
    request.set_data(data);
    wire::PublishResponse response;
    return call(&wire::PubSub::Stub::Publish, request, response);
  }
  grpc::Status pause() {
    wire::PauseResponse response;
    return call(&wire::PubSub::Stub::Pause, wire::PauseRequest(), response);
  }
  grpc::Status resume() {
    wire::ResumeResponse response;
    return call(&wire::PubSub::Stub::Resume, wire::ResumeRequest(), response);
  }
  grpc::Status ping() {
    wire::PingResponse response;
    return call(&wire::PubSub::Stub::Ping, wire::PingRequest(), response);
  }

  template <typename Method, typename Request, typename Response>
  grpc::Status call(Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    prepare(context);
    return (stub_.get()->*method)(&context, request, &response);
  }

  wire::PubSubInitResponse init_response;
  wire::FeaturesResponse features_response;

 private:
  const std::string name_;
  base::UniqueFd socket_;  // a duplicate of the channel's
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::PubSub::Stub> stub_;
};

/// One PullMessages stream; all calls block.
class WirePull {
 public:
  explicit WirePull(WireClient& client) {
    client.prepare(context_);
    stream_ = client.stub().PullMessages(&context_);
  }
  WirePull(WireClient& client, const std::string& topic) : WirePull(client) { subscribe(topic); }
  ~WirePull() {
    if (finished_) return;
    context_.TryCancel();
    finish();
  }

  bool subscribe(const std::string& topic) {
    wire::PullMessagesRequest request;
    request.mutable_topic()->set_name(topic);
    return send(request);
  }
  bool ack(const std::string& id, const std::optional<std::string>& error = {}) {
    wire::PullMessagesRequest request;
    request.set_ack_message_id(id);
    if (error) request.mutable_ack_error()->set_message(*error);
    return send(request);
  }
  bool send(const wire::PullMessagesRequest& request) { return stream_->Write(request); }
  std::optional<wire::PullMessagesResponse> receive() {
    wire::PullMessagesResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  void half_close() { stream_->WritesDone(); }
  void cancel() { context_.TryCancel(); }
  /// Skips messages that still come, and waits for the end.
  grpc::Status finish() {
    while (receive()) {
    }
    finished_ = true;
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<wire::PullMessagesRequest, wire::PullMessagesResponse>>
      stream_;
  bool finished_ = false;
};

/// A unary call by bytes, for services whose messages have no headers here.
inline grpc::Status call_raw(WireClient& client, const std::string& method,
                             const std::string& request, std::string& response) {
  grpc::GenericStub stub(client.channel());
  grpc::ClientContext context;
  client.prepare(context);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->StartCall();
  call->Finish(&answer, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  grpc::Slice out;
  if (status.ok() && answer.DumpToSingleSlice(&out).ok()) {
    response.assign(reinterpret_cast<const char*>(out.begin()), out.size());
  }
  return status;
}

}  // namespace dapr_mqtt::testing
