#pragma once

#include <string>
#include <vector>

#include "dapr/method.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace dapr_mqtt::dapr {

/// Server reflection, which daprd finds components by: ours instead of gRPC's, which
/// is synchronous and brings a poller of its own (CompletionThread).
class ReflectionService {
 public:
  using Generated = ::grpc::reflection::v1alpha::ServerReflection;

  /// `services`: the full names of all, in the order in which they are listed.
  explicit ReflectionService(std::vector<std::string> services);

  grpc::Service& service() { return service_; }
  /// Once, when the server has been started; this outlives `thread`'s calls.
  void open(CompletionThread& thread) { method_->open(thread); }

 private:
  const std::vector<std::string> services_;
  Generated::AsyncService service_;
  std::unique_ptr<Method> method_;
};

}  // namespace dapr_mqtt::dapr
