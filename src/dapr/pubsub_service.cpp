#include "dapr/pubsub_service.h"

#include <utility>

#include "dapr/call_arrival.h"
#include "dapr/init_reactor.h"
#include "dapr/pull_reactor.h"
#include "dapr/status_codes.h"

namespace dapr_mqtt::dapr {
namespace {

grpc::ServerUnaryReactor* finish(grpc::CallbackServerContext* context,
                                 const base::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(to_grpc(status));
  return reactor;
}

instance::PublishRequest to_publish(const grpc::CallbackServerContext& context,
                                    const wire::PublishRequest& request) {
  instance::PublishRequest out;
  out.topic = request.topic();
  out.payload = take(request.data());
  out.metadata = to_metadata(request.metadata());
  out.deadline = deadline_of(context);
  return out;
}

instance::BulkPublishRequest to_bulk_publish(const grpc::CallbackServerContext& context,
                                             const wire::BulkPublishRequest& request) {
  instance::BulkPublishRequest out;
  out.topic = request.topic();
  out.metadata = to_metadata(request.metadata());
  out.deadline = deadline_of(context);
  out.entries.reserve(static_cast<std::size_t>(request.entries_size()));
  for (const wire::BulkMessageEntry& entry : request.entries()) {
    out.entries.push_back({entry.entry_id(), take(entry.event()), to_metadata(entry.metadata())});
  }
  return out;
}

}  // namespace

PubSubService::PubSubService(std::shared_ptr<InstanceRegistry> registry,
                             std::size_t max_delivery_bytes, std::string version,
                             base::Log log)
    : registry_(std::move(registry)),
      max_delivery_bytes_(max_delivery_bytes),
      version_(std::move(version)),
      log_(std::move(log)) {}

grpc::ServerUnaryReactor* PubSubService::Init(grpc::CallbackServerContext* context,
                                              const wire::PubSubInitRequest* request,
                                              wire::PubSubInitResponse* /*response*/) {
  return InitReactor::begin(registry_, key_of(*context),
                            to_metadata(request->metadata().properties()));
}

grpc::ServerUnaryReactor* PubSubService::Features(grpc::CallbackServerContext* context,
                                                  const wire::FeaturesRequest* /*request*/,
                                                  wire::FeaturesResponse* response) {
  const auto instance = registry_->find(key_of(*context));
  if (instance.ok()) {
    for (std::string& feature : instance.value()->features()) {
      response->add_features(std::move(feature));
    }
  }
  return finish(context, instance.status());
}

// A cancelled publish needs no care of its own: the reactor lives until Finish,
// which the instance's completion calls, in time and once.
grpc::ServerUnaryReactor* PubSubService::Publish(grpc::CallbackServerContext* context,
                                                 const wire::PublishRequest* request,
                                                 wire::PublishResponse* /*response*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  ArrivalContext::of(context).when_earlier_passed([this, context, request, reactor] {
    const auto instance = registry_->find(key_of(*context));
    if (!instance.ok()) return reactor->Finish(to_grpc(instance.status()));
    instance.value()->publish(
        to_publish(*context, *request),
        [reactor](const base::Status& status) { reactor->Finish(to_grpc(status)); });
  });
  return reactor;
}

grpc::ServerUnaryReactor* PubSubService::BulkPublish(grpc::CallbackServerContext* context,
                                                     const wire::BulkPublishRequest* request,
                                                     wire::BulkPublishResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  ArrivalContext::of(context).when_earlier_passed([this, context, request, response, reactor] {
    const auto instance = registry_->find(key_of(*context));
    if (!instance.ok()) return reactor->Finish(to_grpc(instance.status()));
    instance.value()->bulk_publish(
        to_bulk_publish(*context, *request),
        [response, reactor](std::vector<instance::FailedEntry> failed) {
          for (instance::FailedEntry& entry : failed) {
            auto* out = response->add_failed_entries();
            out->set_entry_id(std::move(entry.id));
            out->set_error(std::move(entry.error));
          }
          reactor->Finish(grpc::Status::OK);
        });
  });
  return reactor;
}

grpc::ServerBidiReactor<wire::PullMessagesRequest, wire::PullMessagesResponse>*
PubSubService::PullMessages(grpc::CallbackServerContext* context) {
  PullReactor* reactor = PullReactor::begin(registry_, key_of(*context), max_delivery_bytes_, log_);
  ArrivalContext::of(context).pass();  // publishes that came later may go on
  return reactor;
}

grpc::ServerUnaryReactor* PubSubService::Pause(grpc::CallbackServerContext* context,
                                               const wire::PauseRequest* /*request*/,
                                               wire::PauseResponse* /*response*/) {
  const auto instance = registry_->find(key_of(*context));
  if (instance.ok()) instance.value()->pause();
  return finish(context, instance.status());
}

grpc::ServerUnaryReactor* PubSubService::Resume(grpc::CallbackServerContext* context,
                                                const wire::ResumeRequest* /*request*/,
                                                wire::ResumeResponse* /*response*/) {
  const auto instance = registry_->find(key_of(*context));
  if (instance.ok()) instance.value()->resume();
  return finish(context, instance.status());
}

// Before Init it only says that the process serves: daprd 1.9 pings as it
// connects, and refuses the Component if that fails. No daprd pings after Init,
// so that the instance's health may show there, for people and probes.
grpc::ServerUnaryReactor* PubSubService::Ping(grpc::CallbackServerContext* context,
                                              const wire::PingRequest* /*request*/,
                                              wire::PingResponse* /*response*/) {
  context->AddTrailingMetadata(kVersionHeader, version_);
  const auto instance = registry_->find_if_any(key_of(*context));
  return finish(context, instance ? instance->health() : base::Status());
}

}  // namespace dapr_mqtt::dapr
