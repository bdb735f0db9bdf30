#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dapr/health_watch.h"
#include "dapr/method.h"
#include "dapr/unary_call.h"
#include "dapr_mqtt/base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace dapr_mqtt::dapr {

/// grpc.health.v1, for gRPC's usual health clients. It replaces gRPC's own service, which would add
/// pollers (CompletionThread). Thread-safe.
class HealthService {
 public:
  using Generated = health::Health;
  using Status = health::HealthCheckResponse::ServingStatus;

  /// `names`: the services whose health this reports; the empty name is the whole server.
  explicit HealthService(std::vector<std::string> names);

  grpc::Service& service() { return service_; }
  /// Called once, when the server has been started. This object outlives `thread`'s calls.
  void open(CompletionThread& thread);

  /// Sets the health of all names and updates the watches. Before the first call, none is serving.
  void set_serving(bool serving);
  /// Ends all watches; later ones end at once.
  void end_watches();

  // Used by the watches:
  void request_watch(grpc::ServerContext& context, health::HealthCheckRequest& request,
                     grpc::ServerAsyncWriter<health::HealthCheckResponse>& writer,
                     grpc::ServerCompletionQueue* queue, void* tag) {
    service_.RequestWatch(&context, &request, &writer, queue, queue, tag);
  }
  void add(const std::shared_ptr<HealthWatch>& watch);
  void remove(const std::shared_ptr<HealthWatch>& watch);
  /// SERVICE_UNKNOWN for a name that is not in `names`.
  Status watched_status(const std::string& name) const;

 private:
  void check(UnaryCall<health::HealthCheckRequest, health::HealthCheckResponse>& call);

  const std::vector<std::string> names_;
  Generated::AsyncService service_;
  Methods methods_;

  mutable base::Mutex mutex_;
  bool serving_ DM_GUARDED_BY(mutex_) = false;
  bool ended_ DM_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<HealthWatch>> watches_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::dapr
