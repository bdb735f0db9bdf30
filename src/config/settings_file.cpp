#include "dapr_mqtt/config/settings_file.h"

#include <algorithm>
#include <set>

#include "config/yaml_source.h"
#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

base::Status wrong(Place place, const std::string& what) {
  return base::invalid_argument(std::to_string(place.line) + ":" + std::to_string(place.column) +
                                ": " + what);
}

base::Result<FileSetting> read_entry(const YamlEntry& entry) {
  FileSetting setting{entry.key, {}, entry.place.line};
  if (entry.value.IsSequence()) {
    for (const YAML::Node& item : entry.value) {
      const auto text = text_of(item);
      if (!text) return wrong(place_of(item), entry.key + ": must be a list of texts");
      setting.values.push_back(*text);
    }
  } else if (const auto text = text_of(entry.value)) {
    setting.values.push_back(*text);
  } else {
    return wrong(entry.place, entry.key + ": has no value");
  }
  return setting;
}

}  // namespace

base::Result<std::vector<FileSetting>> read_settings_file(const std::string& text,
                                                          std::span<const std::string_view> known) {
  const YamlDocuments yaml = read_yaml(text);
  if (yaml.error) return wrong(yaml.error_place, "this is not YAML: " + *yaml.error);
  std::vector<FileSetting> out;
  if (yaml.documents.empty()) return out;
  if (yaml.documents.size() > 1 || !yaml.documents.front().IsMap()) {
    return wrong(place_of(yaml.documents.back()),
                 "one mapping is wanted, with lines like log-level: debug");
  }
  std::set<std::string> seen;
  for (const YamlEntry& entry : entries_of(yaml.documents.front())) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      const std::string_view near = base::nearest_name(entry.key, known);
      return wrong(entry.place,
                   "unknown setting " + base::quote(entry.key, 64) +
                       (near.empty() ? "" : "; did you mean " + std::string(near) + "?"));
    }
    if (!seen.insert(entry.key).second) return wrong(entry.place, entry.key + " is given twice");
    auto setting = read_entry(entry);
    if (!setting.ok()) return setting.status();
    out.push_back(std::move(setting).value());
  }
  return out;
}

}  // namespace dapr_mqtt::config
