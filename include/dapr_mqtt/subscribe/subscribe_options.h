#pragma once

#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/event_options.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::subscribe {

/// What one subscription asks for.
struct SubscriptionRequest {
  core::SubscribeOptions options;
  /// Unsubscribe when the last stream of the filter ends, even in a persistent session.
  bool unsubscribe_on_close = false;
  core::EventOptions events{};
  core::DeliveryOrder order{};
  /// Keys that need MQTT 5 and were given with MQTT 3.1.1, where they have no effect.
  std::string ignored{};
  /// Other probable mistakes of the user, each a whole sentence.
  std::vector<std::string> warnings{};
};

/// The defaults that a Component sets for its subscriptions.
struct SubscribeDefaults {
  core::QoS qos = core::QoS::kAtMostOnce;
  core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
  core::CloudEventsMode cloud_events = core::CloudEventsMode::kPass;
  std::string cloud_event_type{};
  core::DeliveryOrder order{};
};

/// Applies a subscription's metadata (`qos`, `unsubscribeOnClose`, with MQTT 5
/// `noLocal`, `retainAsPublished` and `retainHandling`; `cloudEvents`, `cloudEventType`,
/// `topicPattern`, `topicName`, `concurrencyMode`, `orderBy`; keys in any case) to the Component's
/// defaults. INVALID_ARGUMENT lists all problems, each with key, value and what is allowed.
/// `rawPayload` is read as daprd reads it: in this spelling only. Other keys are daprd's and are
/// ignored, with a warning for a key that is close to a known one.
base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          const SubscribeDefaults& defaults);

}  // namespace dapr_mqtt::subscribe
