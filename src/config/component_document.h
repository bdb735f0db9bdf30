// One Component resource as daprd reads it, with the place of everything.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml_source.h"
#include "dapr_mqtt/config/component_file.h"

namespace dapr_mqtt::config {

/// Takes remarks about one file or resource.
using Remark = std::function<void(Severity severity, Place place, std::string text)>;

/// One item of spec.metadata.
struct MetadataItem {
  std::string name;
  Place name_place;
  Place value_place;  ///< of the value, or of the reference
  std::string value;
  bool elsewhere = false;  ///< secretKeyRef or envRef
  bool changes_when_read = false;
};

struct ComponentDocument {
  Place place;
  std::string name;
  std::string type;
  Place type_place;
  std::string version;
  Place version_place;
  Place metadata_place;
  std::vector<MetadataItem> metadata;
  std::optional<std::chrono::milliseconds> init_timeout;
  std::vector<std::string> scopes;
};

/// `kind` of a resource; empty when there is none.
std::string kind_of(const YAML::Node& resource);

/// Reads only name and type, to decide whether the Component is ours. Adds no remarks.
ComponentDocument peek_component(const YAML::Node& resource);

/// Reads the whole resource. Adds a remark for each part that daprd would refuse,
/// ignore or read differently from what the user means.
ComponentDocument read_component(const YAML::Node& resource, const Remark& remark);

}  // namespace dapr_mqtt::config
