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

/// grpc.health.v1, for whoever looks by gRPC's usual means: ours instead of gRPC's,
/// which brings pollers of its own (CompletionThread). Thread-safe.
class HealthService {
 public:
  using Generated = health::Health;
  using Status = health::HealthCheckResponse::ServingStatus;

  /// `names`: the services that this says something of; empty is the whole server.
  explicit HealthService(std::vector<std::string> names);

  grpc::Service& service() { return service_; }
  /// Once, when the server has been started; this outlives `thread`'s calls.
  void open(CompletionThread& thread);

  /// Of all names; none serves before the first call. Tells the watches.
  void set_serving(bool serving);
  /// Ends all watches, and those that come later at once.
  void end_watches();

  // For the watches.
  void ask_for_watch(grpc::ServerContext& context, health::HealthCheckRequest& request,
                     grpc::ServerAsyncWriter<health::HealthCheckResponse>& writer,
                     grpc::ServerCompletionQueue* queue, void* tag) {
    service_.RequestWatch(&context, &request, &writer, queue, queue, tag);
  }
  void add(const std::shared_ptr<HealthWatch>& watch);
  void remove(const std::shared_ptr<HealthWatch>& watch);
  /// SERVICE_UNKNOWN for a name that is none of ours.
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
