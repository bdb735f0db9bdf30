#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/event_options.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::publish {

/// The defaults that a Component sets for its publishes.
struct PublishDefaults {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
  core::PublishPayload payload = core::PublishPayload::kEvent;
};

/// How one message is published.
struct PublishOptions {
  core::QoS qos = core::QoS::kAtMostOnce;
  bool retain = false;
  std::shared_ptr<const core::MessageProperties> properties;  ///< null: none
  core::PublishPayload payload = core::PublishPayload::kEvent;
  bool raw_payload = false;  ///< daprd has not wrapped what the app published in a CloudEvent
  /// Keys, with a value, that are not known here; empty when daprd forwards a received message.
  std::vector<std::string> unknown_keys{};
};

/// Applies a publish request's metadata (`qos`, `retain`, `publishPayload`, and with MQTT 5 those
/// of message_properties.h and `cloudEvents`, which is `binary` or `structured`; keys in any case)
/// to the Component's defaults.
/// INVALID_ARGUMENT lists all problems, each with key, value and what is allowed.
/// Other keys belong to daprd or the app and are not sent by MQTT (see misspelt_keys.h).
base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   const PublishDefaults& defaults);

}  // namespace dapr_mqtt::publish
