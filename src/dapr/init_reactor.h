#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>

#include "dapr/instance_registry.h"
#include "dapr/wire.h"

namespace dapr_mqtt::dapr {

/// One Init: a call of its own kind, since the instance must not stay when the
/// caller gave up waiting for it. Destroys itself when gRPC is done.
class InitReactor final : public grpc::ServerUnaryReactor {
 public:
  static grpc::ServerUnaryReactor* begin(std::shared_ptr<InstanceRegistry> registry,
                                         InstanceKey key, core::Metadata metadata);

  /// Also when the answer was on its way and could not be sent any more.
  void OnCancel() override { registry_->cancel(key_, call_); }
  void OnDone() override { delete this; }

 private:
  InitReactor(std::shared_ptr<InstanceRegistry> registry, InstanceKey key)
      : registry_(std::move(registry)), key_(std::move(key)) {}

  const std::shared_ptr<InstanceRegistry> registry_;
  const InstanceKey key_;
  const InstanceRegistry::InitCallPtr call_ = std::make_shared<InstanceRegistry::InitCall>();
};

}  // namespace dapr_mqtt::dapr
