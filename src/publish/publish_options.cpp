#include "dapr_mqtt/publish/publish_options.h"

#include <string>
#include <utility>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "publish/message_properties.h"
#include "publish/metadata_problems.h"

namespace dapr_mqtt::publish {
namespace {

class OptionsReader {
 public:
  OptionsReader(const PublishDefaults& defaults, MetadataProblems& problems)
      : defaults_(defaults), problems_(problems) {
    options_.qos = defaults.qos;
    options_.retain = defaults.retain;
    options_.payload = defaults.payload;
  }

  void read(const std::string& key, const std::string& value) {
    const std::string name = base::to_lower(key);
    const std::string text(base::trim(value));
    if (text.empty()) return;
    if (name == "qos") {
      const auto number = base::parse_integer(text);
      if (number && *number >= 0 && *number <= 2) {
        options_.qos = static_cast<core::QoS>(*number);
      } else {
        problems_.add(key, text, "one of 0, 1, 2");
      }
    } else if (name == "retain") {
      if (const auto retain = base::parse_bool(text)) {
        options_.retain = *retain;
      } else {
        problems_.add(key, text, "true or false");
      }
    } else if (name == "rawpayload") {
      options_.raw_payload = base::parse_bool(text).value_or(false);
    } else if (name == "publishpayload") {
      if (const auto payload = core::parse_publish_payload(text)) {
        options_.payload = *payload;
      } else {
        problems_.add(key, text, core::kPublishPayloads);
      }
    } else if (name == "cloudevents") {
      read_content_mode(key, text);
    } else if (name == kAttemptKey) {
      forwarded_ = true;
    } else if (!is_property_key(name)) {
      options_.unknown_keys.push_back(key);
    }
  }

  PublishOptions take() {
    if (forwarded_) options_.unknown_keys.clear();
    return std::move(options_);
  }

 private:
  /// The names of CloudEvents' MQTT Protocol Binding (section 1.3): in binary mode the payload is
  /// the event's data, and its attributes are user properties.
  void read_content_mode(const std::string& key, const std::string& text) {
    const bool mqtt5 = defaults_.protocol == core::ProtocolVersion::kMqtt5;
    if (text == "binary" && mqtt5) {
      options_.payload = core::PublishPayload::kData;
    } else if (text == "structured") {
      options_.payload = core::PublishPayload::kEvent;
    } else {
      problems_.add(
          key, text,
          mqtt5 ? "one of binary, structured" : "structured (binary needs protocolVersion 5)");
    }
  }

  const PublishDefaults& defaults_;
  MetadataProblems& problems_;
  PublishOptions options_;
  bool forwarded_ = false;
};

}  // namespace

base::Result<PublishOptions> parse_publish_options(const core::Metadata& metadata,
                                                   const PublishDefaults& defaults) {
  MetadataProblems problems;
  OptionsReader reader(defaults, problems);
  for (const auto& [key, value] : metadata) reader.read(key, value);
  PublishOptions options = reader.take();
  if (defaults.protocol == core::ProtocolVersion::kMqtt5) {
    options.properties = parse_message_properties(metadata, problems);
  }
  if (!problems.empty()) return base::invalid_argument(problems.text());
  return options;
}

}  // namespace dapr_mqtt::publish
