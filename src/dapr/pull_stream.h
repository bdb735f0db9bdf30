// One PullMessages stream.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "dapr/instance_registry.h"
#include "dapr/stream_wire.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::dapr {

/// What gRPC does for a PullMessages stream.
using PullWire = StreamWire<wire::PullMessagesRequest, wire::PullMessagesResponse>;

/// Between daprd's stream and an instance's: requests become subscribe() and
/// acknowledge(), deliveries become responses, one write at a time. What waits
/// to be written is held as the inbox holds it, without a copy of its data; its
/// number is bounded by the dispatcher's window (and by kMaxQueued).
///
/// Lives as long as gRPC (until on_done) or the instance needs it, whichever is
/// longer. gRPC's calls come on the completion queue's thread; deliver() on any, one at a time;
/// end() on any.
///
/// Why each call of the wire is safe: finish() is called once, by the call that sets `ending_`
/// while no write is open, otherwise by on_written(). The wire exists until finish() was called and
/// every read and write has been answered. So the code that has set `writing_` may write without
/// the lock, and on_read() and on_written() may call anything.
class PullStream final : public StreamHandler,
                         public core::Subscriber,
                         public OpenStream,
                         public std::enable_shared_from_this<PullStream> {
 public:
  /// Attaches to the key's instance and opens its stream there; when this
  /// returns, a publish that comes later waits for it. Without an instance, the
  /// stream ends with the reason. On the completion queue's thread.
  static void begin(PullWire& wire, std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
                    std::size_t max_delivery_bytes, const base::Log& log);

  PullStream(PullWire& wire, std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
             std::size_t max_delivery_bytes, const base::Log& log);

  core::DeliverResult deliver(const core::Delivery& delivery) override;
  void end(const base::Status& status) override;

  void on_read(bool ok) override;
  void on_written(bool ok) override;
  void on_done() override;

 private:
  /// A delivery that waits: the response without its data, and the data.
  struct Pending {
    std::unique_ptr<wire::PullMessagesResponse> response;
    std::shared_ptr<const core::IncomingMessage> message;
    std::shared_ptr<const std::string> event;  ///< as core::Delivery has it
  };

  void open();
  void handle_request();
  base::Status handle_topic();
  void write(const Pending& pending, bool more);

  PullWire& wire_;
  const std::shared_ptr<InstanceRegistry> registry_;
  const InstanceKey key_;
  const std::size_t max_delivery_bytes_;
  const base::Log log_;

  wire::PullMessagesRequest request_;  // of the read that is open

  base::Mutex mutex_;
  std::shared_ptr<PullStream> self_ DM_GUARDED_BY(mutex_);  // until on_done
  std::shared_ptr<instance::Stream> stream_ DM_GUARDED_BY(mutex_);
  std::string topic_ DM_GUARDED_BY(mutex_);  // as daprd asked for it; empty before
  std::deque<Pending> queue_ DM_GUARDED_BY(mutex_);
  bool writing_ DM_GUARDED_BY(mutex_) = false;
  bool ending_ DM_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::dapr
