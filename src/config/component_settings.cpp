#include "dapr_mqtt/config/component_settings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/agreement.h"
#include "config/draft.h"
#include "config/problems.h"
#include "config/spelling.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

bool Draft::is_elsewhere(std::string_view key) const {
  return std::any_of(context.given_elsewhere.begin(), context.given_elsewhere.end(),
                     [&](const std::string& name) {
                       const KeyInfo* const meant = find_key(name);
                       return meant != nullptr && meant->name == key;
                     });
}

bool Draft::is_given(std::string_view key) const {
  return given.contains(key) || is_elsewhere(key);
}

MetadataReport check_component_metadata(const core::Metadata& metadata,
                                        const MetadataContext& context) {
  Draft draft;
  draft.context = context;
  const GivenValues given = match_keys(metadata, draft);
  for (const auto& [key, value] : given) draft.given.insert(key->name);
  for (const KeyInfo& key : keys()) {
    if (draft.is_elsewhere(key.name)) continue;
    if (const auto it = given.find(&key); it != given.end()) {
      key.apply(key, it->second, draft);
    } else if (!key.default_value.empty()) {
      key.apply(key, key.default_value, draft);
    } else if (key.required) {
      draft.problems.add(key.name, "is missing; set it to " + std::string(key.allowed));
    } else if (key.name == "consumerID") {
      // The user need not write it, but it is never absent when daprd calls.
      draft.problems.add(key.name,
                         "is missing; daprd sets it to the app ID, so give the app an ID "
                         "(--app-id) or write consumerID in the Component's metadata");
    }
  }
  check_agreement(draft);
  for (const Note& warning : draft.warnings) draft.settings.warnings.push_back(warning.text);
  return {std::move(draft.settings), draft.problems.notes(), std::move(draft.warnings)};
}

base::Result<ComponentSettings> parse_component_metadata(const core::Metadata& metadata) {
  MetadataReport report = check_component_metadata(metadata);
  if (!report.problems.empty()) return to_status(report.problems);
  return std::move(report.settings);
}

}  // namespace dapr_mqtt::config
