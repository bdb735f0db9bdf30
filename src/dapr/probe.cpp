#include "dapr_mqtt/dapr/probe.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "dapr/probe_reflection.h"
#include "dapr/socket_folder.h"
#include "dapr/status_codes.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

/// Our own connect, for its plain errors; gRPC would try again until the deadline.
base::Result<std::shared_ptr<grpc::Channel>> connect(const std::string& path) {
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
  // grpc-go's name for what is behind a Unix socket.
  return grpc::CreateInsecureChannelFromFd("localhost", fd.release());
}

/// One run of the probe: the calls, each with the header and the deadline.
class Probe {
 public:
  Probe(const ProbeRequest& request, const std::shared_ptr<grpc::Channel>& channel,
        std::vector<std::string> services, system_clock::time_point deadline)
      : request_(request), stub_(wire::PubSub::NewStub(channel)), deadline_(deadline) {
    report_.services = std::move(services);
  }

  base::Status init() {
    wire::PubSubInitRequest init;
    init.mutable_metadata()->mutable_properties()->insert(request_.metadata.begin(),
                                                          request_.metadata.end());
    wire::PubSubInitResponse response;
    const auto begin = steady_clock::now();
    const auto context = make_context();
    const base::Status status = from_grpc(stub_->Init(context.get(), init, &response));
    report_.init = duration_cast<microseconds>(steady_clock::now() - begin);
    return status.with_context("Init");
  }

  base::Status features() {
    wire::FeaturesResponse response;
    const auto context = make_context();
    const base::Status status = from_grpc(stub_->Features(context.get(), {}, &response));
    report_.features.assign(response.features().begin(), response.features().end());
    return status.with_context("Features");
  }

  base::Status send_and_receive() {
    const auto context = make_context();
    const auto stream = stub_->PullMessages(context.get());
    wire::PullMessagesRequest subscribe;
    subscribe.mutable_topic()->set_name(request_.topic);
    if (!stream->Write(subscribe)) return from_grpc(stream->Finish()).with_context("PullMessages");

    const auto begin = steady_clock::now();
    if (base::Status status = publish(); !status.ok()) {
      context->TryCancel();
      stream->Finish();
      return status.with_context("Publish to " + base::quote(request_.topic));
    }
    wire::PullMessagesResponse message;
    while (stream->Read(&message)) {
      const bool ours = message.data() == request_.payload;
      wire::PullMessagesRequest ack;
      ack.set_ack_message_id(message.id());
      if (!stream->Write(ack)) break;
      if (ours) {
        report_.round_trip = duration_cast<microseconds>(steady_clock::now() - begin);
        keep(message);
        // The component finishes when it has read to the end, the
        // acknowledgement included.
        stream->WritesDone();
        while (stream->Read(&message)) {
        }
        return from_grpc(stream->Finish()).with_context("PullMessages");
      }
      ++report_.others;
    }
    return lost(from_grpc(stream->Finish()));
  }

  ProbeReport take() && { return std::move(report_); }

 private:
  std::unique_ptr<grpc::ClientContext> make_context() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(deadline_);
    context->AddMetadata(kInstanceHeader, request_.component_name);
    return context;
  }

  base::Status publish() {
    wire::PublishRequest publish;
    publish.set_topic(request_.topic);
    publish.set_pubsub_name(request_.component_name);
    publish.set_data(request_.payload);
    wire::PublishResponse response;
    const auto context = make_context();
    return from_grpc(stub_->Publish(context.get(), publish, &response));
  }

  void keep(wire::PullMessagesResponse& message) {
    report_.received = std::move(*message.mutable_data());
    report_.received_topic = message.topic_name();
    report_.received_metadata = to_metadata(message.metadata());
  }

  base::Status lost(const base::Status& end) const {
    const std::string where = base::quote(request_.topic);
    if (end.kind() == base::ErrorKind::kDeadlineExceeded) {
      return base::deadline_exceeded("the message published to " + where +
                                     " did not come back in time; may the user subscribe to it?");
    }
    if (end.ok()) return base::internal_error("the stream of " + where + " ended by itself");
    return end.with_context("PullMessages of " + where);
  }

  const ProbeRequest& request_;
  const std::unique_ptr<wire::PubSub::Stub> stub_;
  const system_clock::time_point deadline_;
  ProbeReport report_;
};

}  // namespace

base::Result<ProbeReport> round_trip(const ProbeRequest& request) {
  const auto deadline = system_clock::now() + request.timeout;
  const auto channel = connect(request.socket_path);
  if (!channel.ok()) return channel.status();

  auto services = list_services(channel.value(), deadline);
  if (!services.ok()) return services.status().with_context("server reflection");
  const auto& names = services.value();
  if (std::find(names.begin(), names.end(), wire::PubSub::service_full_name()) == names.end()) {
    return base::failed_precondition(base::quote(request.socket_path) +
                                     " serves no Dapr pub/sub component");
  }

  Probe probe(request, channel.value(), std::move(services).value(), deadline);
  if (base::Status status = probe.init(); !status.ok()) return status;
  if (base::Status status = probe.features(); !status.ok()) return status;
  if (base::Status status = probe.send_and_receive(); !status.ok()) return status;
  return std::move(probe).take();
}

}  // namespace dapr_mqtt::dapr
