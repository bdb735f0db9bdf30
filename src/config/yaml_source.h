// YAML with the place of everything, and without exceptions.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::config {

/// From 1, as editors count; 0: nowhere.
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
/// is no mapping.
std::vector<YamlEntry> entries_of(const YAML::Node& node);

/// A scalar as daprd hands it on: numbers and booleans become text. None for
/// null, lists and mappings.
std::optional<std::string> text_of(const YAML::Node& node);

/// Written without quotes and read by YAML as something else than this text:
/// 0123 (octal), 1e3, 0x10, yes, on, 1_000. What Dapr makes of it is another text.
bool changes_when_read(const YAML::Node& node);

}  // namespace dapr_mqtt::config
