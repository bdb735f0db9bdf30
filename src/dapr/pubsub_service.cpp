#include "dapr/pubsub_service.h"

#include <utility>

#include "dapr/header_text.h"
#include "dapr/pull_stream.h"
#include "dapr/status_codes.h"
#include "dapr/stream_call.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// How many requests for PullMessages are open at a time.
///
/// A publish must not overtake a PullMessages that came before it on its connection. This keeps
/// them in order (read in gRPC 1.51.1): when there is an open request for a call's method, the
/// thread that has read the call puts it into the completion queue before it goes on with the
/// connection (surface/server.cc, MatchOrQueue; what a thread has scheduled runs before the
/// connection's next piece of work: iomgr/exec_ctx.cc, Flush). This happens when the call's headers
/// were read; the message of a publish is read later. The queue is first in, first out
/// (surface/completion_queue.cc), and one thread takes from it and runs the handlers. A call
/// without an open request waits inside gRPC until there is one, and calls of other methods
/// overtake it. So there are more requests for PullMessages than an app begins at a time.
///
/// One exception remains: a thread that writes an answer may have to do the reading for the queue's
/// thread (iomgr/combiner.cc). If it is interrupted after it has released the connection and before
/// it has looked for the method, the queue's thread may read the next call meanwhile and be first.
/// This was seen once in some 300,000 rounds of pull_test, on a machine under load.
constexpr std::size_t kPullRequests = 64;
/// One read may bring many publishes: open requests cost less than calls that wait for one.
constexpr std::size_t kRawRequests = 16;
constexpr std::size_t kOtherRequests = 2;

constexpr const char* kPublish = "/dapr.proto.components.v1.PubSub/Publish";
constexpr const char* kBulkPublish = "/dapr.proto.components.v1.PubSub/BulkPublish";

/// protobuf reserves at most 50 MB for a field at once, and doubles the memory of a longer field,
/// which then exists twice for a moment: 300 MiB for a field of 100 MiB, with the bytes that it is
/// read from. So the memory is reserved here.
void make_room(wire::PublishRequest& request, std::size_t bytes) {
  constexpr std::size_t kReservedByProtobuf = 50'000'000;
  if (bytes > kReservedByProtobuf) request.mutable_data()->reserve(bytes);
}
/// A bulk has many fields, and it is not known which of them is long.
void make_room(wire::BulkPublishRequest& /*request*/, std::size_t /*bytes*/) {}

/// The call's request. Its memory stays reserved until the call is answered.
template <typename Request>
base::Result<Request> take_request(RawCall& call, MemoryGuard& memory) {
  const std::size_t size = call.request().Length();
  auto held = memory.admit(size);
  if (!held.ok()) return held.status();
  call.hold(std::move(held).value());
  Request request;
  make_room(request, size);
  const grpc::Status parsed =
      grpc::SerializationTraits<Request>::Deserialize(&call.request(), &request);
  call.request().Clear();
  memory.freed(size);
  if (!parsed.ok()) {
    return base::invalid_argument("the request is not a valid " +
                                  std::string(Request().GetTypeName()));
  }
  return request;
}

template <typename Response>
grpc::ByteBuffer to_bytes(const Response& response) {
  grpc::ByteBuffer bytes;
  bool own = false;
  // This fails only for a null message.
  (void)grpc::SerializationTraits<Response>::Serialize(response, &bytes, &own);
  return bytes;
}

instance::PublishRequest to_publish(const grpc::ServerContext& context,
                                    wire::PublishRequest& request) {
  instance::PublishRequest out;
  out.topic = request.topic();
  // Moved, not copied, since it may have 256 MiB.
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

/// daprd ends when an Init fails. A daprd that this process told to start anew worked before: it
/// must not end because the broker is away now.
void connect_in_background(core::Metadata& metadata) {
  constexpr const char* kKey = "connectInBackground";
  for (const auto& [key, value] : metadata) {
    if (base::to_lower(key) == base::to_lower(kKey)) return;
  }
  metadata.emplace(kKey, "true");
}

}  // namespace

PubSubService::PubSubService(std::shared_ptr<InstanceRegistry> registry, MemoryGuard& memory,
                             std::size_t max_delivery_bytes, std::string version, base::Log log)
    : registry_(std::move(registry)),
      memory_(memory),
      max_delivery_bytes_(max_delivery_bytes),
      version_(std::move(version)),
      log_(std::move(log)) {
  using Init = UnaryMethod<wire::PubSubInitRequest, wire::PubSubInitResponse>;
  const auto add = [this](std::unique_ptr<Method> method) {
    methods_.push_back(std::move(method));
  };
  add(unary_method(
      service_, &Service::RequestInit, kOtherRequests, [this](const auto& call) { init(call); },
      Init::Cancellation::kReported));
  add(unary_method(service_, &Service::RequestFeatures, kOtherRequests,
                   [this](const auto& call) { features(call); }));
  auto raw_method = std::make_unique<RawMethod>(raw_service_, kRawRequests,
                                                [this](const auto& call) { raw(call); });
  memory_.watch(*raw_method);
  add(std::move(raw_method));
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
  core::Metadata metadata = to_metadata(call->request().metadata().properties());
  if (registry_->missed_inits().init_expected()) connect_in_background(metadata);
  registry_->init(key, std::move(metadata), init_call,
                  [call](const base::Status& status) { call->answer(to_grpc(status)); });
}

void PubSubService::features(const Call<wire::FeaturesRequest, wire::FeaturesResponse>& call) {
  const InstanceKey key = key_of(call->context());
  const auto instance = registry_->find(key);
  if (instance.ok()) {
    for (std::string& feature : instance.value()->features()) {
      call->response().add_features(std::move(feature));
    }
    call->response().add_features(registry_->mark_of(key));
  }
  call->answer(to_grpc(instance.status()));
}

void PubSubService::raw(const RawMethod::CallPtr& call) {
  if (call->name() == kPublish) return publish(call);
  if (call->name() == kBulkPublish) return bulk_publish(call);
  call->refuse(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, ""));  // as gRPC itself would
}

// A cancelled publish needs no special handling: the call lives until the instance's completion has
// answered it, which happens exactly once and in time.
void PubSubService::publish(const RawMethod::CallPtr& call) {
  const auto instance = instance_of(call->context());
  if (!instance.ok()) return call->refuse(to_grpc(instance.status()));
  auto request = take_request<wire::PublishRequest>(*call, memory_);
  if (!request.ok()) return call->refuse(to_grpc(request.status()));
  instance.value()->publish(to_publish(call->context(), request.value()),
                            [call](const base::Status& status) {
                              if (!status.ok()) return call->refuse(to_grpc(status));
                              call->answer(to_bytes(wire::PublishResponse()));
                            });
}

void PubSubService::bulk_publish(const RawMethod::CallPtr& call) {
  const auto instance = instance_of(call->context());
  if (!instance.ok()) return call->refuse(to_grpc(instance.status()));
  auto request = take_request<wire::BulkPublishRequest>(*call, memory_);
  if (!request.ok()) return call->refuse(to_grpc(request.status()));
  instance.value()->bulk_publish(to_bulk_publish(call->context(), request.value()),
                                 [call](std::vector<instance::FailedEntry> failed) {
                                   wire::BulkPublishResponse response;
                                   for (instance::FailedEntry& entry : failed) {
                                     auto* out = response.add_failed_entries();
                                     out->set_entry_id(std::move(entry.id));
                                     out->set_error(std::move(entry.error));
                                   }
                                   call->answer(to_bytes(response));
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

// Before Init, Ping only says that the process serves: daprd 1.9 pings when it connects, and
// rejects the Component if that fails. So what is wrong with the process as a whole is in the
// trailing metadata, which daprd does not read. No daprd pings after Init, so Ping may then return
// the instance's health, for people and probes.
void PubSubService::ping(const Call<wire::PingRequest, wire::PingResponse>& call) {
  call->context().AddTrailingMetadata(kVersionHeader, version_);
  if (const base::Status missed = registry_->missed_inits().status(); !missed.ok()) {
    constexpr std::size_t kMaxBytes = 2048;
    call->context().AddTrailingMetadata(
        kMissedHeader, header_value(missed.message(), kMaxBytes).value_or("a daprd missed it"));
  }
  const auto instance = registry_->find_if_any(key_of(call->context()));
  call->answer(to_grpc(instance ? instance->health() : base::Status()));
}

}  // namespace dapr_mqtt::dapr
