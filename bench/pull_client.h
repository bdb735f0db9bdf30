// A PullMessages stream that costs the least: what it receives it counts, and
// acknowledges as it is told.
#pragma once

#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "support/component_client.h"

namespace dapr_mqtt::bench {

enum class Acks {
  kSequential,  ///< each at once, in order
  kParallel,    ///< kHeld stay open; of these now one, now another is acknowledged
  kNone,
};

/// Subscribes when made; ends with the object. Its callback comes on gRPC's threads,
/// one at a time.
class PullClient final
    : public grpc::ClientBidiReactor<testing::wire::PullMessagesRequest,
                                     testing::wire::PullMessagesResponse> {
 public:
  using OnMessage = std::function<void(const testing::wire::PullMessagesResponse&)>;
  static constexpr std::size_t kHeld = 16;  ///< less than brokers send unacknowledged (20)

  PullClient(testing::ComponentClient& client, const std::string& topic, Acks acks,
             OnMessage on_message, const testing::Properties& metadata = {});
  ~PullClient() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void received();
  void acknowledge(std::string id);
  void write();

  const Acks acks_;
  const OnMessage on_message_;
  grpc::ClientContext context_;
  testing::wire::PullMessagesResponse response_;
  testing::wire::PullMessagesRequest request_;

  std::mutex mutex_;
  std::condition_variable done_;
  bool ended_ = false;
  bool writing_ = true;
  std::deque<std::string> to_acknowledge_;
  std::deque<std::string> held_;
  std::size_t turn_ = 0;
};

}  // namespace dapr_mqtt::bench
