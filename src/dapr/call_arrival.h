// Ties ArrivalOrder to gRPC: a ticket for each call, taken as it arrives.
#pragma once

#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <utility>

#include "dapr/arrival_order.h"

namespace dapr_mqtt::dapr {

/// A call's context with its ticket, which passes with the context at the latest.
class ArrivalContext final : public grpc::CallbackServerContext {
 public:
  explicit ArrivalContext(std::shared_ptr<ArrivalOrder> order)
      : order_(std::move(order)), ticket_(order_->take()) {}
  ~ArrivalContext() override { pass(); }

  void pass() { order_->pass(ticket_); }
  void when_earlier_passed(ArrivalOrder::Task task) {
    order_->when_earlier_passed(ticket_, std::move(task));
  }

  /// The context of a call to a server that install_arrival_order() prepared.
  static ArrivalContext& of(grpc::CallbackServerContext* context) {
    return *static_cast<ArrivalContext*>(context);
  }

 private:
  const std::shared_ptr<ArrivalOrder> order_;
  const ArrivalOrder::Ticket ticket_;
};

/// Makes the server give each callback call an ArrivalContext. All but
/// `held_method` ("/package.Service/Method") pass before their handlers run;
/// that one's handler passes when it is ready for later calls.
void install_arrival_order(grpc::ServerBuilder& builder, const char* held_method);

}  // namespace dapr_mqtt::dapr
