#include "dapr_mqtt/publish/publish_options.h"

#include <string>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "publish/message_properties.h"
#include "publish/metadata_problems.h"

namespace dapr_mqtt::publish {

base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   const PublishDefaults& defaults) {
  PublishOptions options{defaults.qos, defaults.retain, nullptr};
  MetadataProblems problems;
  for (const auto& [key, value] : metadata) {
    const std::string name = base::to_lower(key);
    const std::string text(base::trim(value));
    if (text.empty()) continue;
    if (name == "qos") {
      const auto number = base::parse_integer(text);
      if (number && *number >= 0 && *number <= 2) {
        options.qos = static_cast<core::QoS>(*number);
      } else {
        problems.add(key, text, "one of 0, 1, 2");
      }
    } else if (name == "retain") {
      if (const auto retain = base::parse_bool(text)) {
        options.retain = *retain;
      } else {
        problems.add(key, text, "true or false");
      }
    }
  }
  if (defaults.protocol == core::ProtocolVersion::kMqtt5) {
    options.properties = parse_message_properties(metadata, problems);
  }
  if (!problems.empty()) return base::invalid_argument(problems.text());
  return options;
}

}  // namespace dapr_mqtt::publish
