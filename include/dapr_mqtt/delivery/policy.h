// How an instance delivers: what its Component's metadata says about it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

/// How much one stream may hold unacknowledged. It is handed another message
/// while it holds fewer than `messages` and fewer than `bytes`: one is always
/// possible, and `bytes` may be passed by the message that reaches it.
struct WindowLimits {
  std::size_t messages = 100;
  std::size_t bytes = 16U << 20U;  ///< sum of IncomingMessage::footprint()
};

struct Policy {
  /// Redeliveries after the first failure: -1 for ever, 0 none.
  std::int64_t max_retries = 0;
  /// From the app's failure to the next try.
  std::chrono::milliseconds retry_interval{5000};
  /// kStrict: one unacknowledged message a filter, over all its streams, and a
  /// failed one is tried again before the next goes out.
  core::Inbox::Order order = core::Inbox::Order::kReady;
  WindowLimits window;
};

/// A message that will not be delivered (again).
struct GivenUp {
  enum class Reason {
    kRetriesSpent,  ///< the app failed it as often as the policy allows
    kTooLarge,      ///< over what the peer takes
  };
  Reason reason;
  const core::TopicFilter& filter;
  const core::Delivery& delivery;  ///< the last attempt
  std::string_view error;          ///< the app's, foreign text; empty for kTooLarge
};

}  // namespace dapr_mqtt::delivery
