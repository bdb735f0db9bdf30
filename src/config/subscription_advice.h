#pragma once

#include "config/component_document.h"

namespace dapr_mqtt::config {

/// Adds remarks on a Dapr Subscription: rawPayload in a place where daprd does not look for it, or
/// in a spelling that daprd does not know; values of our own keys that would be refused. Does
/// nothing for other resources.
void advise_on_subscription(const YAML::Node& resource, const Remark& remark);

}  // namespace dapr_mqtt::config
