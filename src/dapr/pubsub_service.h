// Dapr's PubSub service over the instances: conversion and nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "dapr/instance_registry.h"
#include "dapr/method.h"
#include "dapr/unary_call.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::dapr {

/// Its handlers run on the completion queue's thread and never block it. Calls of one
/// connection are handled in the order in which gRPC has read them: see
/// kPullRequests.
class PubSubService {
 public:
  PubSubService(std::shared_ptr<InstanceRegistry> registry, std::size_t max_delivery_bytes,
                std::string version, base::Log log);

  grpc::Service& service() { return service_; }
  /// Once, when the server has been started; this outlives `thread`'s calls.
  void open(CompletionThread& thread);

 private:
  template <typename Request, typename Response>
  using Call = std::shared_ptr<UnaryCall<Request, Response>>;

  void init(const Call<wire::PubSubInitRequest, wire::PubSubInitResponse>& call);
  void features(const Call<wire::FeaturesRequest, wire::FeaturesResponse>& call);
  void publish(const Call<wire::PublishRequest, wire::PublishResponse>& call);
  void bulk_publish(const Call<wire::BulkPublishRequest, wire::BulkPublishResponse>& call);
  void pause(const Call<wire::PauseRequest, wire::PauseResponse>& call);
  void resume(const Call<wire::ResumeRequest, wire::ResumeResponse>& call);
  void ping(const Call<wire::PingRequest, wire::PingResponse>& call);
  base::Result<InstanceRegistry::InstancePtr> instance_of(const grpc::ServerContext& context);

  const std::shared_ptr<InstanceRegistry> registry_;
  const std::size_t max_delivery_bytes_;
  const std::string version_;
  const base::Log log_;
  wire::PubSub::AsyncService service_;
  Methods methods_;
};

}  // namespace dapr_mqtt::dapr
