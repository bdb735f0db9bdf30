// Both sides of a stream with messages in both directions: what gRPC does for it,
// and what it is told.
#pragma once

#include <grpcpp/support/status.h>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// A stream's own part. All calls come one at a time, on the completion queue's thread.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// False: no message came, and none will.
  virtual void on_read(bool ok) = 0;
  /// False: the stream is dead.
  virtual void on_written(bool ok) = 0;
  /// finish() was called, and all reads and writes have been answered: the last call.
  virtual void on_done() = 0;
  /// To end with this, by finish() now or soon: something was thrown above.
  virtual void end(const base::Status& status) = 0;
};

/// gRPC's part. It exists until on_done().
template <typename Request, typename Response>
class StreamWire {
 public:
  virtual ~StreamWire() = default;
  /// Before all else.
  virtual void attach(StreamHandler& handler) = 0;
  /// One at a time, on the completion queue's thread.
  virtual void read(Request* message) = 0;
  /// One at a time, on any thread; not after finish(). `message` is read before this
  /// returns. `more`: another write comes as soon as this one is answered, so that both
  /// may go out together.
  virtual void write(const Response& message, bool more) = 0;
  /// Once, on any thread, with no write open. A read that is open is answered.
  virtual void finish(const grpc::Status& status) = 0;
};

}  // namespace dapr_mqtt::dapr
