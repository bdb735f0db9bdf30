// The texts about a publish that the broker answers by closing the connection.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::publish {

/// What an error text says about a message; kept after its payload is freed.
struct MessageFacts {
  MessageFacts(const core::OutgoingMessage& message, std::size_t payload_bytes);

  std::string topic;
  std::size_t bytes;  ///< of the payload
  std::size_t levels;
  core::QoS qos;
  bool retain;

  /// "2048 bytes of payload, QoS 1, retained, 3 topic levels".
  std::string str() const;
};

/// FAILED_PRECONDITION, with the facts about the message and the usual reasons of brokers.
base::Status rejected(const MessageFacts& message, const base::Status& how_it_closed);

/// Publishes of QoS 0 are not acknowledged, so nothing shows which of them a broker closes the
/// connection for, and their callers are answered by then. This keeps the likeliest one of the last
/// seconds. Not thread-safe.
class UnansweredPublishes {
 public:
  void sent(const core::OutgoingMessage& message, base::TimePoint now);
  /// The broker closed the connection. Returns a line for the log if a publish may be the cause.
  std::optional<std::string> closed(base::TimePoint now);

 private:
  std::optional<MessageFacts> likeliest_;
  base::TimePoint sent_{};
  base::RepeatFilter repeats_;
};

}  // namespace dapr_mqtt::publish
