#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/publish/publish_options.h"

namespace dapr_mqtt::instance {

/// Gives a publish the form that its options ask for, if its payload is a CloudEvent (raw publishes
/// are not changed). `data` takes the event apart; with MQTT 5 the attributes become content type
/// and user properties (binary mode in the CloudEvents MQTT binding, section 3.1). `event` adds the
/// content type of structured mode (section 3.2) and the trace context. Properties in the request's
/// metadata have priority. INVALID_ARGUMENT: the event's data cannot be read.
base::Status shape_payload(std::string& payload, publish::PublishOptions& options,
                           core::ProtocolVersion protocol);

}  // namespace dapr_mqtt::instance
