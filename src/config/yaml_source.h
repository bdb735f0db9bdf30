// Reads YAML with line and column of each node, and without exceptions.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::config {

/// Counted from 1, as in editors; 0: no place.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
};
Place place_of(const YAML::Node& node);

struct YamlDocuments {
  std::vector<YAML::Node> documents;
  /// Why the rest cannot be read, if it cannot, and where.
  std::optional<std::string> error;
  Place error_place;
};
/// All documents of a text, empty ones left out.
YamlDocuments read_yaml(const std::string& text);

/// One entry of a mapping, its key a text.
struct YamlEntry {
  std::string key;
  Place place;  ///< of the key
  YAML::Node value;
};
/// A mapping's entries in their order, also those given twice. Empty when `node`
/// is not a mapping.
std::vector<YamlEntry> entries_of(const YAML::Node& node);

/// A scalar as written. None for null, lists and mappings.
std::optional<std::string> text_of(const YAML::Node& node);

/// A scalar as daprd passes it on to components. For numbers and booleans without quotes this is
/// not always the text that was written: 5.0 becomes "5", 10_000 "10000", 0123 "83", yes "true".
/// None for YAML's null (nothing at all, ~), lists and mappings.
std::optional<std::string> sent_text(const YAML::Node& node);

}  // namespace dapr_mqtt::config
