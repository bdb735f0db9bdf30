// Serves daprd on a Unix socket.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::dapr {

struct ServerOptions {
  std::string socket_path;    ///< from socket_path(); the folder is made when missing
  mode_t socket_mode = 0600;  ///< a daprd of another user needs more, and its uid allowed

  /// What Ping answers with, beside the proto, for probes.
  std::string version;

  /// Besides our own user and root.
  std::vector<uid_t> allowed_uids;
  bool allow_any_uid = false;

  /// One for each Component of each daprd, and one while it discovers.
  std::size_t max_connections = 256;

  /// The largest response on a PullMessages stream, encoded. daprd's client is
  /// grpc-go with its default limit, and its stream dies for good beyond it.
  std::size_t max_delivery_bytes = std::size_t{4} * 1024 * 1024;
  /// The largest request. The default takes MQTT's largest payload (256 MiB,
  /// section 2.2.3) and what stands around it.
  std::size_t max_request_bytes = std::size_t{257} * 1024 * 1024;
};

/// The process's side of daprd: socket, gRPC server, and the instances that
/// daprd makes by Init. Serves dapr.proto.components.v1.PubSub, server
/// reflection (v1alpha) and grpc.health.v1.
///
/// Thread safety: stop() and the destructor from one thread, visit_instances()
/// from any until the destructor begins.
class Server {
 public:
  /// Serves when it returns. Errors, for the user, with their remedy:
  /// FAILED_PRECONDITION when another process serves the socket or its path
  /// cannot be used, INVALID_ARGUMENT, UNAVAILABLE and RESOURCE_EXHAUSTED as the
  /// text says. Blocks for some seconds at the most. Factory and logger outlive
  /// the server.
  static base::Result<std::unique_ptr<Server>> start(ServerOptions options,
                                                     instance::InstanceFactory& factory,
                                                     base::Logger& logger);
  virtual ~Server() = default;  ///< stop() with no time to drain

  /// Takes the socket away, refuses new calls, gives what is in flight until
  /// `drain_deadline`, ends streams, closes instances, and returns when all are
  /// gone (which an Init under way delays by its connectTimeout at the most).
  /// Blocks. Idempotent.
  virtual void stop(base::TimePoint drain_deadline) = 0;

  /// For metrics: each initialised instance with its Component's name (which may
  /// come more than once, from several daprds).
  virtual void visit_instances(
      const std::function<void(std::string_view name, const instance::Instance&)>& visitor)
      const = 0;
};

}  // namespace dapr_mqtt::dapr
