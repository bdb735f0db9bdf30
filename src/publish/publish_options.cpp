#include "dapr_mqtt/publish/publish_options.h"

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::publish {

base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   PublishOptions defaults) {
  PublishOptions options = defaults;
  std::string problems;
  const auto problem = [&](const std::string& key, const std::string& value,
                           std::string_view allowed) {
    if (!problems.empty()) problems += "; ";
    problems += "publish metadata " + base::quote(key, 64) + ": " + base::quote(value, 64) +
                " is not " + std::string(allowed);
  };
  for (const auto& [key, value] : metadata) {
    const std::string name = base::to_lower(key);
    const std::string text(base::trim(value));
    if (text.empty()) continue;
    if (name == "qos") {
      const auto number = base::parse_integer(text);
      if (number && *number >= 0 && *number <= 2) {
        options.qos = static_cast<core::QoS>(*number);
      } else {
        problem(key, text, "one of 0, 1, 2");
      }
    } else if (name == "retain") {
      if (const auto retain = base::parse_bool(text)) {
        options.retain = *retain;
      } else {
        problem(key, text, "true or false");
      }
    }
  }
  if (!problems.empty()) return base::invalid_argument(problems);
  return options;
}

}  // namespace dapr_mqtt::publish
