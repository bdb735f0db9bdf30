#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::config {

/// The text that a component gets from daprd for a scalar without quotes. daprd converts YAML 1.1
/// (sigs.k8s.io/yaml) to JSON and passes on the text of the JSON value. None: it is null.
std::optional<std::string> yaml_plain_as_json(std::string_view text);

}  // namespace dapr_mqtt::config
