#include "dapr/call_arrival.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/server_interceptor.h>

#include <string_view>
#include <vector>

namespace dapr_mqtt::dapr {
namespace {

/// gRPC (read in 1.51) asks for the context when it has matched the call to its
/// method: on the thread that reads the connection, in the order in which the
/// calls' headers (unary calls: their messages) came.
class ContextFactory final : public grpc::ContextAllocator {
 public:
  grpc::CallbackServerContext* NewCallbackServerContext() override {
    return new ArrivalContext(order_);
  }
  // Calls to unknown methods. Must be given as well: Release below gets these
  // too, and gRPC's own would not be ours to delete.
  grpc::GenericCallbackServerContext* NewGenericCallbackServerContext() override {
    return new grpc::GenericCallbackServerContext();
  }
  void Release(grpc::CallbackServerContext* context) override { delete context; }
  void Release(grpc::GenericCallbackServerContext* context) override { delete context; }

 private:
  const std::shared_ptr<ArrivalOrder> order_ = std::make_shared<ArrivalOrder>();
};

/// Intercepts nothing: it is the one place that sees every call, health checks
/// included, with its method's name before the handler runs.
class PassAtOnce final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit PassAtOnce(const char* held_method) : held_method_(held_method) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    if (held_method_ != info->method()) {
      // Another type of context: reflection's synchronous calls, unknown methods.
      auto* context = dynamic_cast<ArrivalContext*>(info->server_context());
      if (context != nullptr) context->pass();
    }
    return nullptr;
  }

 private:
  const std::string_view held_method_;
};

}  // namespace

void install_arrival_order(grpc::ServerBuilder& builder, const char* held_method) {
  builder.SetContextAllocator(std::make_unique<ContextFactory>());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<PassAtOnce>(held_method));
  builder.experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace dapr_mqtt::dapr
