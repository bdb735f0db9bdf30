// Dapr's PubSub service over the instances: conversion and nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "dapr/instance_registry.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::dapr {

/// Thread-safe; never blocks one of gRPC's threads. To be served with
/// install_arrival_order(builder, kPullMethod).
class PubSubService final : public wire::PubSub::CallbackService {
 public:
  static constexpr const char* kPullMethod = "/dapr.proto.components.v1.PubSub/PullMessages";

  PubSubService(std::shared_ptr<InstanceRegistry> registry, std::size_t max_delivery_bytes,
                std::string version, base::Log log);

  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context,
                                 const wire::PubSubInitRequest* request,
                                 wire::PubSubInitResponse* response) override;
  grpc::ServerUnaryReactor* Features(grpc::CallbackServerContext* context,
                                     const wire::FeaturesRequest* request,
                                     wire::FeaturesResponse* response) override;
  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const wire::PublishRequest* request,
                                    wire::PublishResponse* response) override;
  grpc::ServerUnaryReactor* BulkPublish(grpc::CallbackServerContext* context,
                                        const wire::BulkPublishRequest* request,
                                        wire::BulkPublishResponse* response) override;
  grpc::ServerBidiReactor<wire::PullMessagesRequest, wire::PullMessagesResponse>* PullMessages(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* context,
                                  const wire::PauseRequest* request,
                                  wire::PauseResponse* response) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* context,
                                   const wire::ResumeRequest* request,
                                   wire::ResumeResponse* response) override;
  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* context,
                                 const wire::PingRequest* request,
                                 wire::PingResponse* response) override;

 private:
  const std::shared_ptr<InstanceRegistry> registry_;
  const std::size_t max_delivery_bytes_;
  const std::string version_;
  const base::Log log_;
};

}  // namespace dapr_mqtt::dapr
