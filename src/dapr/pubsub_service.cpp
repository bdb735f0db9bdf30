#include "dapr/pubsub_service.h"

#include <utility>

#include "dapr/pull_stream.h"
#include "dapr/status_codes.h"
#include "dapr/stream_call.h"

namespace dapr_mqtt::dapr {
namespace {

/// Requests that are open at a time, by method.
///
/// A publish must not overtake a PullMessages that came before it on its connection.
/// What keeps them in order (read in gRPC 1.51.1): a call that finds a request of its
/// method goes into the completion queue on the thread that has read it, before that
/// thread goes on with the connection (surface/server.cc, MatchOrQueue; what a thread has
/// scheduled runs before the connection's next piece of work: iomgr/exec_ctx.cc, Flush).
/// PullMessages does so with its headers, Publish with its message, which is later still.
/// The queue is first in, first out (surface/completion_queue.cc), and one thread takes
/// from it and runs the handlers. A call that finds no request waits inside gRPC until
/// there is one, and calls of other methods pass it: so there are more for PullMessages
/// than an app begins in one go.
///
/// What is left: a thread that writes an answer may have to do the reading for ours
/// (iomgr/combiner.cc). If it is held up just when it has let go of the connection and
/// has not yet looked for the method, ours may read the next call meanwhile and be first.
/// Seen once in some 300,000 rounds of pull_test, on a machine under load.
constexpr std::size_t kPullRequests = 64;
/// For the bursts that one read brings: it costs less to have requests ready than to
/// let calls wait.
constexpr std::size_t kPublishRequests = 16;
constexpr std::size_t kBulkRequests = 4;
constexpr std::size_t kOtherRequests = 2;

instance::PublishRequest to_publish(const grpc::ServerContext& context,
                                    wire::PublishRequest& request) {
  instance::PublishRequest out;
  out.topic = request.topic();
  // Moved, not copied: it may have 256 MiB.
  out.payload = std::move(*request.mutable_data());
  out.metadata = to_metadata(request.metadata());
  out.deadline = deadline_of(context);
  return out;
}

instance::BulkPublishRequest to_bulk_publish(const grpc::ServerContext& context,
                                             wire::BulkPublishRequest& request) {
  instance::BulkPublishRequest out;
  out.topic = request.topic();
  out.metadata = to_metadata(request.metadata());
  out.deadline = deadline_of(context);
  out.entries.reserve(static_cast<std::size_t>(request.entries_size()));
  for (wire::BulkMessageEntry& entry : *request.mutable_entries()) {
    out.entries.push_back(
        {entry.entry_id(), std::move(*entry.mutable_event()), to_metadata(entry.metadata())});
  }
  return out;
}

}  // namespace

PubSubService::PubSubService(std::shared_ptr<InstanceRegistry> registry,
                             std::size_t max_delivery_bytes, std::string version, base::Log log)
    : registry_(std::move(registry)),
      max_delivery_bytes_(max_delivery_bytes),
      version_(std::move(version)),
      log_(std::move(log)) {
  using Service = wire::PubSub::AsyncService;
  using Init = UnaryMethod<wire::PubSubInitRequest, wire::PubSubInitResponse>;
  const auto add = [this](std::unique_ptr<Method> method) {
    methods_.push_back(std::move(method));
  };
  add(unary_method(service_, &Service::RequestInit, kOtherRequests,
                   [this](const auto& call) { init(call); }, Init::Cancellation::kTold));
  add(unary_method(service_, &Service::RequestFeatures, kOtherRequests,
                   [this](const auto& call) { features(call); }));
  add(unary_method(service_, &Service::RequestPublish, kPublishRequests,
                   [this](const auto& call) { publish(call); }));
  add(unary_method(service_, &Service::RequestBulkPublish, kBulkRequests,
                   [this](const auto& call) { bulk_publish(call); }));
  add(stream_method(service_, &Service::RequestPullMessages, kPullRequests,
                    [this](const grpc::ServerContext& context, PullWire& wire) {
                      PullStream::begin(wire, registry_, key_of(context), max_delivery_bytes_,
                                        log_);
                    }));
  add(unary_method(service_, &Service::RequestPause, kOtherRequests,
                   [this](const auto& call) { pause(call); }));
  add(unary_method(service_, &Service::RequestResume, kOtherRequests,
                   [this](const auto& call) { resume(call); }));
  add(unary_method(service_, &Service::RequestPing, kOtherRequests,
                   [this](const auto& call) { ping(call); }));
}

void PubSubService::open(CompletionThread& thread) {
  for (const auto& method : methods_) method->open(thread);
}

base::Result<InstanceRegistry::InstancePtr> PubSubService::instance_of(
    const grpc::ServerContext& context) {
  return registry_->find(key_of(context));
}

void PubSubService::init(const Call<wire::PubSubInitRequest, wire::PubSubInitResponse>& call) {
  const auto init_call = std::make_shared<InstanceRegistry::InitCall>();
  const InstanceKey key = key_of(call->context());
  // The instance must not stay when its caller does not know of it.
  call->when_cancelled(
      [registry = registry_, key, init_call] { registry->cancel(key, init_call); });
  registry_->init(key, to_metadata(call->request().metadata().properties()), init_call,
                  [call](const base::Status& status) { call->answer(to_grpc(status)); });
}

void PubSubService::features(const Call<wire::FeaturesRequest, wire::FeaturesResponse>& call) {
  const auto instance = instance_of(call->context());
  if (instance.ok()) {
    for (std::string& feature : instance.value()->features()) {
      call->response().add_features(std::move(feature));
    }
  }
  call->answer(to_grpc(instance.status()));
}

// A cancelled publish needs no care of its own: the call lives until the instance's
// completion, which comes in time and once, has answered it.
void PubSubService::publish(const Call<wire::PublishRequest, wire::PublishResponse>& call) {
  const auto instance = instance_of(call->context());
  if (!instance.ok()) return call->answer(to_grpc(instance.status()));
  instance.value()->publish(
      to_publish(call->context(), call->request()),
      [call](const base::Status& status) { call->answer(to_grpc(status)); });
}

void PubSubService::bulk_publish(
    const Call<wire::BulkPublishRequest, wire::BulkPublishResponse>& call) {
  const auto instance = instance_of(call->context());
  if (!instance.ok()) return call->answer(to_grpc(instance.status()));
  instance.value()->bulk_publish(
      to_bulk_publish(call->context(), call->request()),
      [call](std::vector<instance::FailedEntry> failed) {
        for (instance::FailedEntry& entry : failed) {
          auto* out = call->response().add_failed_entries();
          out->set_entry_id(std::move(entry.id));
          out->set_error(std::move(entry.error));
        }
        call->answer(grpc::Status::OK);
      });
}

void PubSubService::pause(const Call<wire::PauseRequest, wire::PauseResponse>& call) {
  const auto instance = instance_of(call->context());
  if (instance.ok()) instance.value()->pause();
  call->answer(to_grpc(instance.status()));
}

void PubSubService::resume(const Call<wire::ResumeRequest, wire::ResumeResponse>& call) {
  const auto instance = instance_of(call->context());
  if (instance.ok()) instance.value()->resume();
  call->answer(to_grpc(instance.status()));
}

// Before Init it only says that the process serves: daprd 1.9 pings as it
// connects, and refuses the Component if that fails. No daprd pings after Init,
// so that the instance's health may show there, for people and probes.
void PubSubService::ping(const Call<wire::PingRequest, wire::PingResponse>& call) {
  call->context().AddTrailingMetadata(kVersionHeader, version_);
  const auto instance = registry_->find_if_any(key_of(call->context()));
  call->answer(to_grpc(instance ? instance->health() : base::Status()));
}

}  // namespace dapr_mqtt::dapr
