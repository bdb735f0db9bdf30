// How an instance delivers: what its Component's metadata says about it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

/// The largest payload that can reach daprd: the 4 MiB limit of its gRPC client, less the minimum
/// that a response adds. Larger ones need not be received (ConnectionOptions::max_payload). The
/// Subscriber refuses a smaller payload that is too large together with topic and metadata.
inline constexpr std::size_t kMaxPayload = (4U << 20U) - 64;

/// How much one stream may hold unacknowledged. It gets another message while it holds fewer than
/// `messages` and fewer than `bytes`. So it can always hold one message, and the last one that it
/// gets may exceed `bytes`.
struct WindowLimits {
  std::size_t messages = 100;
  std::size_t bytes = 16U << 20U;  ///< sum of IncomingMessage::footprint()
};

struct Policy {
  /// Redeliveries after the first failure: -1 means for ever, 0 none.
  std::int64_t max_retries = 0;
  /// From the app's failure to the next try.
  std::chrono::milliseconds retry_interval{5000};
  /// The order of subscriptions that do not set their own. kSingle: a filter has one unacknowledged
  /// message over all its streams, and a failed one is tried again before the next goes out.
  /// kOrdered: the same for each key.
  core::DeliveryOrder order{};
  WindowLimits window;
};

/// A message that will not be delivered (again).
struct GivenUp {
  enum class Reason {
    kRetriesSpent,  ///< the app failed it as often as the policy allows
    kTooLarge,      ///< larger than the peer accepts, or too large to be received whole
  };
  Reason reason;
  const core::TopicFilter& filter;
  const core::Delivery& delivery;  ///< the last attempt
  std::string_view error;          ///< the app's error, untrusted text; empty for kTooLarge
};

}  // namespace dapr_mqtt::delivery
