#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/config/component_file.h"

namespace dapr_mqtt::app {

/// The Component called `name` in a YAML file; without a name, the only Component.
/// INVALID_ARGUMENT lists its problems as validate does, or the Components to choose
/// from, or the keys whose values are elsewhere and cannot be used here.
base::Result<config::FoundComponent> choose_component(const std::string& path,
                                                      const std::string& name);

}  // namespace dapr_mqtt::app
