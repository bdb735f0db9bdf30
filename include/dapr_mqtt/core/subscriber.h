#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// One hand-over of a message to a subscriber.
struct Delivery {
  InboxId id = 0;             ///< what the subscriber acknowledges with
  std::uint32_t attempt = 1;  ///< 1 for the first
  std::shared_ptr<const IncomingMessage> message{};
  /// What is left of the message's expiry (MQTT 5), at least a second.
  std::optional<std::chrono::seconds> expires_in{};
  base::TimePoint handed_over{};  ///< to the subscriber
};

enum class DeliverResult {
  kSent,      ///< on its way; an acknowledgement or the stream's end will follow
  kTooLarge,  ///< can never be sent to this peer
  kClosed,    ///< the stream has ended; its close is on its way
};

/// Who receives a subscription's messages: for daprd, a PullMessages stream.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  /// Called by the delivery thread alone, for at most the window's number of
  /// unacknowledged messages. Must not block and not call back.
  virtual DeliverResult deliver(const Delivery& delivery) = 0;
};

}  // namespace dapr_mqtt::core
