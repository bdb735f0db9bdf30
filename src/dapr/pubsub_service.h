// Dapr's PubSub service: converts calls into calls of the instances, and does nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "dapr/instance_registry.h"
#include "dapr/memory_guard.h"
#include "dapr/method.h"
#include "dapr/raw_call.h"
#include "dapr/unary_call.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::dapr {

/// The handlers run on the completion queue's thread and never block it. Calls of one connection
/// are handled in the order in which gRPC has read them: see kPullRequests.
class PubSubService {
 public:
  /// `memory` outlives this.
  PubSubService(std::shared_ptr<InstanceRegistry> registry, MemoryGuard& memory,
                std::size_t max_delivery_bytes, std::string version, base::Log log);

  /// All methods except Publish and BulkPublish, which are served by raw_service().
  grpc::Service& service() { return service_; }
  grpc::AsyncGenericService& raw_service() { return raw_service_; }
  /// Called once, when the server has been started. This object outlives `thread`'s calls.
  void open(CompletionThread& thread);

 private:
  using PubSub = wire::PubSub;
  using WithControl = PubSub::WithAsyncMethod_Pause<
      PubSub::WithAsyncMethod_Resume<PubSub::WithAsyncMethod_Ping<PubSub::Service>>>;
  using WithRawPublish =
      PubSub::WithGenericMethod_Publish<PubSub::WithGenericMethod_BulkPublish<WithControl>>;
  using Service = PubSub::WithAsyncMethod_Init<
      PubSub::WithAsyncMethod_Features<PubSub::WithAsyncMethod_PullMessages<WithRawPublish>>>;

  template <typename Request, typename Response>
  using Call = std::shared_ptr<UnaryCall<Request, Response>>;

  void init(const Call<wire::PubSubInitRequest, wire::PubSubInitResponse>& call);
  void features(const Call<wire::FeaturesRequest, wire::FeaturesResponse>& call);
  void raw(const RawMethod::CallPtr& call);
  void publish(const RawMethod::CallPtr& call);
  void bulk_publish(const RawMethod::CallPtr& call);
  void pause(const Call<wire::PauseRequest, wire::PauseResponse>& call);
  void resume(const Call<wire::ResumeRequest, wire::ResumeResponse>& call);
  void ping(const Call<wire::PingRequest, wire::PingResponse>& call);
  base::Result<InstanceRegistry::InstancePtr> instance_of(const grpc::ServerContext& context);

  const std::shared_ptr<InstanceRegistry> registry_;
  MemoryGuard& memory_;
  const std::size_t max_delivery_bytes_;
  const std::string version_;
  const base::Log log_;
  Service service_;
  grpc::AsyncGenericService raw_service_;
  Methods methods_;
};

}  // namespace dapr_mqtt::dapr
