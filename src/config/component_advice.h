// Warns of common mistakes in a Component whose metadata is valid.
#pragma once

#include <string>
#include <vector>

#include "config/component_document.h"

namespace dapr_mqtt::config {

/// A Deployment or StatefulSet that Dapr is injected into.
struct Workload {
  std::string what;    ///< `Deployment "orders"`
  std::string app_id;  ///< of its annotation dapr.io/app-id; empty: none
  long replicas = 1;
};
/// None when `resource` is not a workload with the annotation dapr.io/enabled.
std::optional<Workload> read_workload(const YAML::Node& resource);

void advise(const ComponentDocument& component, const ComponentSettings& settings,
            const std::vector<Workload>& workloads, const Remark& remark);

}  // namespace dapr_mqtt::config
