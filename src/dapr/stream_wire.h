// The two sides of a bidirectional stream: what gRPC does for it, and what gRPC reports to it.
#pragma once

#include <grpcpp/support/status.h>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// Receives a stream's events. All calls come one at a time, on the completion queue's thread.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// False: no message came, and none will.
  virtual void on_read(bool ok) = 0;
  /// False: the stream is broken.
  virtual void on_written(bool ok) = 0;
  /// finish() was called, and all reads and writes have completed. This is the last call.
  virtual void on_done() = 0;
  /// One of the calls above has thrown: the handler calls finish() with this status, now or soon.
  virtual void end(const base::Status& status) = 0;
};

/// What gRPC does for a stream. Exists until on_done().
template <typename Request, typename Response>
class StreamWire {
 public:
  virtual ~StreamWire() = default;
  /// Called before all other methods.
  virtual void attach(StreamHandler& handler) = 0;
  /// One at a time, on the completion queue's thread.
  virtual void read(Request* message) = 0;
  /// One at a time, on any thread; not after finish(). `message` is not used after this returns.
  /// `more`: another write follows as soon as this one has completed, so gRPC may send both
  /// together.
  virtual void write(const Response& message, bool more) = 0;
  /// Called once, on any thread, while no write is open. An open read still completes.
  virtual void finish(const grpc::Status& status) = 0;
};

}  // namespace dapr_mqtt::dapr
