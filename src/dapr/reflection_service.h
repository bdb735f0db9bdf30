#pragma once

#include <string>
#include <vector>

#include "dapr/method.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace dapr_mqtt::dapr {

/// Server reflection, by which daprd finds components. It replaces gRPC's own service, which is
/// synchronous and would add a poller (CompletionThread).
class ReflectionService {
 public:
  using Generated = ::grpc::reflection::v1alpha::ServerReflection;

  /// `services`: the full names of all services, in the order in which they are listed.
  explicit ReflectionService(std::vector<std::string> services);

  grpc::Service& service() { return service_; }
  /// Called once, when the server has been started. This object outlives `thread`'s calls.
  void open(CompletionThread& thread) { method_->open(thread); }

 private:
  const std::vector<std::string> services_;
  Generated::AsyncService service_;
  std::unique_ptr<Method> method_;
};

}  // namespace dapr_mqtt::dapr
