// One PullMessages stream.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "dapr/instance_registry.h"
#include "dapr/wire.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::dapr {

/// Between daprd's stream and an instance's: requests become subscribe() and
/// acknowledge(), deliveries become responses, one write at a time. What waits
/// to be written is held as the inbox holds it, without a copy of its data; its
/// number is bounded by the dispatcher's window (and by kMaxQueued).
///
/// Lives as long as gRPC (until OnDone) or the instance needs it, whichever is
/// longer. gRPC's calls come on its threads; deliver() on the delivery thread;
/// end() on any.
///
/// Why each call into gRPC is safe: Finish is called once, by whoever sets
/// `ending_` while no write is open, else by OnWriteDone; gRPC destroys nothing
/// before Finish has been called and every read and write has been answered. So
/// who has set `writing_` may StartWrite without the lock, and who is in a read's
/// or write's answer may call anything.
class PullReactor final
    : public grpc::ServerBidiReactor<wire::PullMessagesRequest, wire::PullMessagesResponse>,
      public core::Subscriber,
      public OpenStream,
      public std::enable_shared_from_this<PullReactor> {
 public:
  /// Attaches to the key's instance and opens its stream there; when this
  /// returns, a publish that comes later waits for it. Without an instance, the
  /// stream ends with the reason. The result is for gRPC, which answers with
  /// OnDone.
  static PullReactor* begin(std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
                            std::size_t max_delivery_bytes, const base::Log& log);

  PullReactor(std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
              std::size_t max_delivery_bytes, const base::Log& log);

  core::DeliverResult deliver(const core::Delivery& delivery) override;
  void end(const base::Status& status) override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  /// A delivery that waits: the response without its data, and the data.
  struct Pending {
    std::unique_ptr<wire::PullMessagesResponse> response;
    std::shared_ptr<const core::IncomingMessage> message;
  };

  void open();
  void handle_request();
  base::Status handle_topic();
  void write(Pending pending);

  const std::shared_ptr<InstanceRegistry> registry_;
  const InstanceKey key_;
  const std::size_t max_delivery_bytes_;
  const base::Log log_;

  wire::PullMessagesRequest request_;                      // of the read that is open
  std::unique_ptr<wire::PullMessagesResponse> response_;  // of the write that is open

  base::Mutex mutex_;
  std::shared_ptr<PullReactor> self_ DM_GUARDED_BY(mutex_);  // until OnDone
  std::shared_ptr<instance::Stream> stream_ DM_GUARDED_BY(mutex_);
  std::string topic_ DM_GUARDED_BY(mutex_);  // as daprd asked for it; empty before
  std::deque<Pending> queue_ DM_GUARDED_BY(mutex_);
  bool writing_ DM_GUARDED_BY(mutex_) = false;
  bool ending_ DM_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::dapr
