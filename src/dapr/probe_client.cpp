#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dapr/init_marks.h"
#include "dapr/probe_reflection.h"
#include "dapr/socket_folder.h"
#include "dapr/status_codes.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/dapr/probe.h"

namespace dapr_mqtt::dapr {
namespace {

using std::chrono::system_clock;

/// Connects without gRPC, which would retry until the deadline instead of returning the error.
base::Result<std::shared_ptr<grpc::Channel>> connect_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return base::invalid_argument("socket path " + base::quote(path) + " is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
    return base::unavailable(system_error_text("cannot connect to", path, errno) +
                             "; is the component running, under this user?");
  }
  // The authority that grpc-go uses for a Unix socket.
  return grpc::CreateInsecureChannelFromFd("localhost", fd.release());
}

/// Makes each call with the instance header and the deadline.
class WireClient final : public ProbeClient {
 public:
  WireClient(const std::shared_ptr<grpc::Channel>& channel, std::string component_name,
             std::vector<std::string> services, Deadline deadline)
      : stub_(wire::PubSub::NewStub(channel)),
        name_(std::move(component_name)),
        services_(std::move(services)),
        deadline_(deadline) {}

  const std::vector<std::string>& services() const override { return services_; }

  base::Result<PingAnswer> ping() override {
    wire::PingResponse response;
    const auto context = make_context();
    const base::Status status = from_grpc(stub_->Ping(context.get(), {}, &response));
    if (!status.ok()) return status.with_context("Ping");
    const auto& trailers = context->GetServerTrailingMetadata();
    const auto value_of = [&](const char* name) {
      const auto found = trailers.find(name);
      return found == trailers.end() ? std::string()
                                     : std::string(found->second.data(), found->second.size());
    };
    return PingAnswer{value_of(kVersionHeader), value_of(kMissedHeader)};
  }

  base::Status init(const core::Metadata& metadata) override {
    wire::PubSubInitRequest init;
    init.mutable_metadata()->mutable_properties()->insert(metadata.begin(), metadata.end());
    wire::PubSubInitResponse response;
    const auto context = make_context();
    return from_grpc(stub_->Init(context.get(), init, &response)).with_context("Init");
  }

  base::Result<std::vector<std::string>> features() override {
    wire::FeaturesResponse response;
    const auto context = make_context();
    const base::Status status = from_grpc(stub_->Features(context.get(), {}, &response));
    if (!status.ok()) return status.with_context("Features");
    std::vector<std::string> features;
    for (const std::string& feature : response.features()) {
      if (!feature.starts_with(kMarkBeginning)) features.push_back(feature);
    }
    return features;
  }

  base::Status publish(const std::string& topic, const std::string& data,
                       const core::Metadata& metadata) override {
    wire::PublishRequest publish;
    publish.set_topic(topic);
    publish.set_pubsub_name(name_);
    publish.set_data(data);
    publish.mutable_metadata()->insert(metadata.begin(), metadata.end());
    wire::PublishResponse response;
    const auto context = make_context();
    return from_grpc(stub_->Publish(context.get(), publish, &response))
        .with_context("Publish to " + base::quote(topic));
  }

  base::Status pull(const std::string& filter, const core::Metadata& metadata,
                    const std::function<base::Status()>& opened,
                    const std::function<bool(PulledMessage)>& on_message,
                    const std::optional<std::string>& failure) override {
    const auto context = make_context();
    const auto stream = stub_->PullMessages(context.get());
    const std::string where = "PullMessages of " + base::quote(filter);
    wire::PullMessagesRequest subscribe;
    subscribe.mutable_topic()->set_name(filter);
    subscribe.mutable_topic()->mutable_metadata()->insert(metadata.begin(), metadata.end());
    if (!stream->Write(subscribe)) return from_grpc(stream->Finish()).with_context(where);
    if (base::Status status = opened(); !status.ok()) {
      context->TryCancel();
      stream->Finish();
      return status;
    }
    wire::PullMessagesResponse message;
    while (stream->Read(&message)) {
      const bool more = on_message({message.topic_name(), std::move(*message.mutable_data()),
                                    to_metadata(message.metadata())});
      wire::PullMessagesRequest ack;
      ack.set_ack_message_id(message.id());
      if (failure) ack.mutable_ack_error()->set_message(*failure);
      if (!stream->Write(ack)) break;
      if (more) continue;
      // The component finishes the stream when it has read to the end, so it has the
      // acknowledgement.
      stream->WritesDone();
      while (stream->Read(&message)) {
      }
      return from_grpc(stream->Finish()).with_context(where);
    }
    const base::Status end = from_grpc(stream->Finish());
    if (end.ok()) return base::internal_error(where + ": the stream ended by itself");
    return end.with_context(where);
  }

 private:
  std::unique_ptr<grpc::ClientContext> make_context() const {
    auto context = std::make_unique<grpc::ClientContext>();
    if (deadline_) context->set_deadline(*deadline_);
    context->AddMetadata(kInstanceHeader, name_);
    return context;
  }

  const std::unique_ptr<wire::PubSub::Stub> stub_;
  const std::string name_;
  const std::vector<std::string> services_;
  const Deadline deadline_;
};

}  // namespace

base::Result<std::unique_ptr<ProbeClient>> ProbeClient::connect(const std::string& socket_path,
                                                                std::string component_name,
                                                                Deadline deadline) {
  const auto channel = connect_socket(socket_path);
  if (!channel.ok()) return channel.status();
  constexpr std::chrono::seconds kForReflection{10};
  auto services =
      list_services(channel.value(), deadline.value_or(system_clock::now() + kForReflection));
  if (!services.ok()) return services.status().with_context("server reflection");
  const auto& names = services.value();
  if (std::find(names.begin(), names.end(), wire::PubSub::service_full_name()) == names.end()) {
    return base::failed_precondition(base::quote(socket_path) +
                                     " serves no Dapr pub/sub component");
  }
  return std::unique_ptr<ProbeClient>(std::make_unique<WireClient>(
      channel.value(), std::move(component_name), std::move(services).value(), deadline));
}

}  // namespace dapr_mqtt::dapr
