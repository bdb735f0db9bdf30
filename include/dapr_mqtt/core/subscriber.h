#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// One delivery of a message to a subscriber.
struct Delivery {
  InboxId id = 0;             ///< the subscriber acknowledges with this number
  std::uint32_t attempt = 1;  ///< 1 for the first
  std::shared_ptr<const IncomingMessage> message{};
  /// What is left of the message's expiry (MQTT 5), at least a second.
  std::optional<std::chrono::seconds> expires_in{};
  base::TimePoint handed_over{};  ///< when the subscriber got it
  /// The message as a CloudEvent in JSON, to be sent instead of its payload; null: the payload.
  std::shared_ptr<const std::string> event{};
  /// The subscriber gets the message's own topic, not the topic filter.
  bool real_topic_name = false;

  /// The bytes to send.
  const std::string& data() const { return event ? *event : message->payload; }
};

/// Why a delivery ended without an acknowledgement.
struct DeliveryError {
  enum class Kind {
    kFailed,       ///< the app failed it: counts against backOffMaxRetries
    kUnreachable,  ///< the app never saw the message
    kInterrupted,  ///< the connection to the app broke before it answered
  };

  DeliveryError(std::string its_text, Kind its_kind = Kind::kFailed)  // NOLINT: implicit from text
      : kind(its_kind), text(std::move(its_text)) {}

  Kind kind;
  std::string text;  ///< from daprd or the app
};

enum class DeliverResult {
  kSent,      ///< sent; an acknowledgement or the stream's end will follow
  kTooLarge,  ///< can never be sent to this peer
  kClosed,    ///< the stream has ended; its end will be reported
};

/// Who receives a subscription's messages: for daprd, a PullMessages stream.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  /// Called on one thread at a time. There are never more unacknowledged messages
  /// than the delivery window allows. Must not block and not call back.
  virtual DeliverResult deliver(const Delivery& delivery) = 0;
};

}  // namespace dapr_mqtt::core
