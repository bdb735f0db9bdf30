// One stream of the health service.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <memory>
#include <optional>
#include <string>

#include "dapr/event.h"
#include "dapr/method.h"
#include "dapr_mqtt/base/mutex.h"
#include "grpc/health/v1/health.pb.h"

namespace dapr_mqtt::dapr {

namespace health = ::grpc::health::v1;

class HealthService;

/// Writes the service's health, and then each change of it. A change that is over before it could
/// be written is left out. Owns itself (self_) until the client is gone or end() was called, and
/// all operations have completed.
///
/// Thread safety: refresh() and end() may be called from any thread.
class HealthWatch final : public std::enable_shared_from_this<HealthWatch> {
 public:
  HealthWatch(HealthService& service, Method& method) : service_(service), method_(method) {}

  void request_call();
  /// Writes the service's health if it has changed since the last write.
  void refresh();
  void end(const grpc::Status& status);

 private:
  void arrived(bool ok);
  void written(bool ok);
  void finished(bool ok);
  void gone(bool ok);
  /// False when the client has the current health already.
  bool begin_write(health::HealthCheckResponse& response) DM_REQUIRES(mutex_);
  void write(const health::HealthCheckResponse& response);
  void finish(const grpc::Status& status);
  void operation_ended();

  HealthService& service_;
  Method& method_;
  grpc::ServerContext context_;
  health::HealthCheckRequest request_;
  grpc::ServerAsyncWriter<health::HealthCheckResponse> writer_{&context_};
  EventOf<HealthWatch, &HealthWatch::arrived> arrived_{*this};
  EventOf<HealthWatch, &HealthWatch::written> written_{*this};
  EventOf<HealthWatch, &HealthWatch::finished> finished_{*this};
  EventOf<HealthWatch, &HealthWatch::gone> gone_{*this};
  std::shared_ptr<HealthWatch> self_;  // while gRPC has operations of it
  int operations_left_ = 2;            // finished() and gone(); used by the queue's thread only

  base::Mutex mutex_;
  std::optional<health::HealthCheckResponse::ServingStatus> written_status_ DM_GUARDED_BY(mutex_);
  bool writing_ DM_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_status_ DM_GUARDED_BY(mutex_);  // set: the stream is ending
};

}  // namespace dapr_mqtt::dapr
