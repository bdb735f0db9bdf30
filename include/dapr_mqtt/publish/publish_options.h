#pragma once

#include <memory>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::publish {

/// What a Component says of its publishes.
struct PublishDefaults {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
};

/// How one message is published.
struct PublishOptions {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  std::shared_ptr<const core::MessageProperties> properties;  ///< null: none
};

/// Applies a publish request's metadata (`qos`, `retain`, and with MQTT 5 those of
/// message_properties.h; keys in any case) to the Component's defaults.
/// INVALID_ARGUMENT names key, value and what is allowed, every problem at once.
/// Other keys are daprd's or the app's own and stay out of MQTT.
base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   const PublishDefaults& defaults);

}  // namespace dapr_mqtt::publish
