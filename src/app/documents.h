// Documents made from the program's own tables, so that they cannot go stale.
#pragma once

#include <cstddef>
#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::app {

/// "schema", "fields", "options", "man" or "bash". INVALID_ARGUMENT for anything else.
base::Result<std::string> generate_document(const std::string& what);

std::string component_schema();  ///< JSON schema (draft 7) of a Component YAML of ours
std::string fields_table();      ///< the metadata keys as a table in Markdown
std::string options_table();     ///< the options of serve as a table in Markdown
std::string man_page();          ///< dapr-pubsub-mqtt(1), in man's macros
std::string bash_completion();

/// The options of `generate subscriptions`.
struct SubscriptionsDocument {
  std::string topic;
  std::size_t lanes = 8;
  std::string pubsub = "mqtt";
  std::string route = "/messages";
};
/// Dapr's Subscription resources, one for each lane (subscribe/lane.h). INVALID_ARGUMENT when the
/// topic is not a topic filter.
base::Result<std::string> subscriptions_document(const SubscriptionsDocument& wanted);

}  // namespace dapr_mqtt::app
