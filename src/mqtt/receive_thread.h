#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "mqtt/channel.h"
#include "mqtt/waker.h"

namespace dapr_mqtt::mqtt {

/// The receiving thread of one channel that receives messages. Each such channel has its own, so
/// that a slow commit on disk delays only this connection. (For channels that only publish, Paho's
/// receive thread is the receiving thread, since it needs the answers anyway; see Descriptors.)
///
/// Thread safety: stop() and the destructor not from the thread itself (inside the sink).
class ReceiveThread {
 public:
  /// `waker`: the channel's receiver.
  ReceiveThread(std::shared_ptr<Channel> channel, std::shared_ptr<Waker> waker);
  ~ReceiveThread();
  ReceiveThread(const ReceiveThread&) = delete;
  ReceiveThread& operator=(const ReceiveThread&) = delete;

  /// Returns after a running receive() has committed and acknowledged. Idempotent.
  void stop();

 private:
  void run();

  const std::shared_ptr<Channel> channel_;
  const std::shared_ptr<Waker> waker_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dapr_mqtt::mqtt
