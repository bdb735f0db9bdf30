#pragma once

#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/config/component_file.h"

namespace dapr_mqtt::app {

/// The Component of a YAML file that is meant by `name`; the only one, without a
/// name. INVALID_ARGUMENT lists its problems as validate does, or what there is
/// to choose from, or says which values stand elsewhere and cannot be used here.
base::Result<config::FoundComponent> choose_component(const std::string& path,
                                                      const std::string& name);

}  // namespace dapr_mqtt::app
