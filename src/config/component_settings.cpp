#include "dapr_mqtt/config/component_settings.h"

#include <string>
#include <utility>

#include "config/agreement.h"
#include "config/draft.h"
#include "config/spelling.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

base::Result<ComponentSettings> parse_component_metadata(const core::Metadata& metadata) {
  Draft draft;
  const GivenValues given = match_keys(metadata, draft);
  for (const KeyInfo& key : keys()) {
    if (const auto it = given.find(&key); it != given.end()) {
      key.apply(key, it->second, draft);
    } else if (!key.default_value.empty()) {
      key.apply(key, key.default_value, draft);
    } else if (key.required) {
      draft.problems.add(key.name, "is missing; set it to " + std::string(key.allowed));
    } else if (key.name == "consumerID") {
      // Not the user's to write, and yet never absent when daprd calls.
      draft.problems.add(key.name,
                         "is missing; daprd sets it to the app ID, so give the app an ID "
                         "(--app-id) or write consumerID in the Component's metadata");
    }
  }
  check_agreement(draft);
  if (base::Status problems = draft.problems.status(); !problems.ok()) return problems;
  return std::move(draft.settings);
}

}  // namespace dapr_mqtt::config
