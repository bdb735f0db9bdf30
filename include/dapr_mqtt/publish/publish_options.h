#pragma once

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::publish {

/// How one message is published.
struct PublishOptions {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
};

/// Applies a publish request's metadata (`qos`, `retain`; keys in any case) to
/// the Component's defaults. INVALID_ARGUMENT names key, value and what is
/// allowed, every problem at once. Other keys are daprd's or the app's own and
/// stay out of MQTT.
base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   PublishOptions defaults);

}  // namespace dapr_mqtt::publish
