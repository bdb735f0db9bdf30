#pragma once

#include <string>

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
  /// MQTT 5's keys that were given, with MQTT 3.1.1: without effect.
  std::string ignored{};
};

/// What a Component says of its subscriptions.
struct SubscribeDefaults {
  core::QoS qos = core::QoS::kAtMostOnce;
  core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
};

/// Applies a subscription's metadata (`qos`, `unsubscribeOnClose`, with MQTT 5
/// `noLocal`, `retainAsPublished` and `retainHandling`; keys in any case) to the
/// Component's defaults. INVALID_ARGUMENT names key, value and what is allowed,
/// every problem at once. Other keys are daprd's and ignored.
base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          const SubscribeDefaults& defaults);

}  // namespace dapr_mqtt::subscribe
