// Serves daprd on a Unix socket.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::dapr {

/// The process's memory limit, which publishes must not exceed.
struct MemoryOptions {
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  std::string source = "no limit";  ///< where the limit was found, for the user
  /// How much the process uses now. Called on any thread, for large publishes.
  std::function<std::size_t()> used;
  /// Returns free memory of the allocator to the system. Called on any thread.
  std::function<void()> return_free;
};

struct ServerOptions {
  std::string socket_path;    ///< from socket_path(); the folder is made when missing
  mode_t socket_mode = 0600;  ///< a daprd of another user needs a wider mode, and its uid allowed

  /// Ping returns it in its trailing metadata, for probes.
  std::string version;

  /// Users that may connect, besides our own user and root.
  std::vector<uid_t> allowed_uids;
  bool allow_any_uid = false;

  /// A daprd makes one for each Component, and one more during discovery.
  std::size_t max_connections = 256;

  /// The largest encoded response on a PullMessages stream. daprd's client is grpc-go with its
  /// default limit; a larger response ends its stream for good.
  std::size_t max_delivery_bytes = std::size_t{4} * 1024 * 1024;
  /// The largest request. The default has room for MQTT's largest payload (256 MiB, section 2.2.3)
  /// and the other fields. `memory` may allow less.
  std::size_t max_request_bytes = std::size_t{257} * 1024 * 1024;
  MemoryOptions memory;

  /// A connection that ends after so long without a call is idle: its instances are kept for the
  /// process's next connection. grpc-go closes idle connections after 30 minutes by default.
  base::Duration idle_after = std::chrono::minutes(5);

  /// Called when a call came for a Component that this process has had no Init for. Runs on a
  /// thread of the server that may hold locks: it must do no more than post a task. May be empty.
  std::function<void()> on_missed_init;
};

/// The gRPC server for daprd: the socket, and the instances that daprd makes by Init. Serves
/// dapr.proto.components.v1.PubSub, server reflection (v1alpha) and grpc.health.v1.
///
/// Thread safety: stop() and the destructor are called from one thread, the other methods from any
/// thread until the destructor begins.
class Server {
 public:
  /// The server accepts calls when this returns. Errors are written for the user and say what to
  /// do: FAILED_PRECONDITION when another process serves the socket or its path cannot be used;
  /// INVALID_ARGUMENT, UNAVAILABLE and RESOURCE_EXHAUSTED as the text says. Blocks for some seconds
  /// at most. Factory and logger outlive the server.
  static base::Result<std::unique_ptr<Server>> start(ServerOptions options,
                                                     instance::InstanceFactory& factory,
                                                     base::Logger& logger);
  virtual ~Server() = default;  ///< stop() with no time to drain

  /// Removes the socket and stops new deliveries, waits until `drain_deadline` for what is in
  /// flight, ends the streams, closes the instances, and returns when all are gone. Publishes are
  /// still accepted until the deliveries are done, or three quarters of that time are over. An Init
  /// that is running may delay the return by its connectTimeout at most. Blocks. Idempotent.
  virtual void stop(base::TimePoint drain_deadline) = 0;

  /// Each successful Init leaves a mark in daprd's metadata: one more capability of its Component.
  /// Returns the prefix of all marks of this socket, whichever process made them.
  virtual std::string mark_prefix() const = 0;
  /// Whether this mark belongs to an instance of this process.
  virtual bool has_mark(std::string_view mark) const = 0;
  /// Whether there has been a successful Init.
  virtual bool any_mark() const = 0;
  /// Sets the text about a daprd that missed the process's restart, for callers without an Init,
  /// probes and /readyz. Empty: no such daprd is known. `init_expected`: that daprd was told to
  /// start anew. Its Init then succeeds even if the broker is away, since a failed Init ends daprd.
  virtual void set_missed_restart(std::string notice, bool init_expected) = 0;
  /// UNAVAILABLE with that text, or with the names that were called without an Init; otherwise OK.
  virtual base::Status missed_restart() const = 0;

  /// For metrics: calls `visitor` for each initialised instance with its Component's name, which
  /// may occur more than once (several daprds).
  virtual void visit_instances(
      const std::function<void(std::string_view name, const instance::Instance&)>& visitor)
      const = 0;
};

}  // namespace dapr_mqtt::dapr
