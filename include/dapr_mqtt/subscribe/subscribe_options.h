#pragma once

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::subscribe {

/// What one subscription asks for.
struct SubscriptionRequest {
  core::SubscribeOptions options;
  /// UNSUBSCRIBE when the last stream of the filter ends, although the session
  /// is persistent.
  bool unsubscribe_on_close = false;
};

/// Applies a subscription's metadata (`qos`, `unsubscribeOnClose`; keys in any
/// case) to the Component's default QoS. INVALID_ARGUMENT names key, value and
/// what is allowed, every problem at once. Other keys are daprd's and ignored.
base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          core::QoS default_qos);

}  // namespace dapr_mqtt::subscribe
