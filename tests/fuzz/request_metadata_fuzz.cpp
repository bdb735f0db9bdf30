// Metadata of publish and subscribe requests, as apps write it: the result can be sent, and the
// number of warnings is bounded. The first byte says which version of MQTT, then keys and values
// follow.
#include <string>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/publish/misspelt_keys.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "dapr_mqtt/subscribe/subscribe_options.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;

void check_text(const std::string& text) {
  require(text.size() <= 65'535 && base::is_valid_utf8(text) && !base::has_control_character(text),
          "a text that MQTT can carry");
}

void check_publish(const core::Metadata& metadata, core::ProtocolVersion protocol) {
  publish::PublishDefaults defaults;
  defaults.protocol = protocol;
  const auto options = publish::parse_publish_options(metadata, defaults);
  if (!options.ok()) {
    require(options.status().kind() == base::ErrorKind::kInvalidArgument,
            "it is the caller's fault");
    return;
  }
  for (const std::string& key : options.value().unknown_keys) {
    require(metadata.contains(key), "an unknown key is one that was given");
  }
  const auto lines = publish::MisspeltKeys(protocol).report(options.value().unknown_keys);
  require(lines.size() <= publish::MisspeltKeys::kMaxKeys, "the log is not filled");
  if (!options.value().properties) return;
  require(protocol == core::ProtocolVersion::kMqtt5, "MQTT 3.1.1 has no properties");
  const core::MessageProperties& properties = *options.value().properties;
  check_text(properties.content_type);
  for (const auto& [name, value] : properties.user_properties) {
    check_text(name);
    check_text(value);
  }
  require(
      properties.response_topic.empty() || core::TopicName::parse(properties.response_topic).ok(),
      "a response topic is a topic name (MQTT-3.3.2-14)");
  require(properties.correlation_data.size() <= 65'535, "binary data has two bytes of length");
  require(!properties.expiry || properties.expiry->count() > 0, "an expiry above 0");
}

void check_subscribe(const core::Metadata& metadata, core::ProtocolVersion protocol) {
  subscribe::SubscribeDefaults defaults;
  defaults.protocol = protocol;
  const auto request = subscribe::parse_subscribe_options(metadata, defaults);
  if (!request.ok()) {
    require(request.status().kind() == base::ErrorKind::kInvalidArgument,
            "it is the caller's fault");
    return;
  }
  require(
      request.value().options.retain_handling >= 0 && request.value().options.retain_handling <= 2,
      "retain handling is 0, 1 or 2 (section 3.8.3.1)");
  require(request.value().warnings.size() <= 25, "the log is not filled");
  check_text(base::is_valid_utf8(request.value().events.type) ? "" : "\xFF");
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  const core::Metadata publish = {{"qos", "2"},
                                  {"retain", "true"},
                                  {"rawPayload", "true"},
                                  {"publishPayload", "data"},
                                  {"cloudEvents", "binary"},
                                  {"ttlInSeconds", "90s"},
                                  {"mqtt-content-type", "text/plain"},
                                  {"mqtt-response-topic", "a%2Fb"},
                                  {"mqtt-correlation-data", "AAE="},
                                  {"mqtt-property-site", "Z%C3%BCrich"},
                                  {"retian", "true"}};
  const core::Metadata subscribe = {
      {"qos", "\"1\""},         {"unsubscribeOnClose", "true"},
      {"noLocal", "true"},      {"retainAsPublished", "true"},
      {"retainHandling", "2"},  {"concurrencyMode", "ordered"},
      {"orderBy", "segment:2"}, {"cloudEvents", "auto"},
      {"cloudEventType", "t"},  {"topicPattern", "devices/{device}/#"},
      {"topicName", "real"},    {"isRawPayload", "true"}};
  return {metadata_seed('\0', publish), metadata_seed('\1', publish),
          metadata_seed('\0', subscribe), metadata_seed('\1', subscribe),
          metadata_seed('\1', {{"mqtt-attempt", "1"}, {"ttl", "-1"}})};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto protocol =
      input.byte() % 2 == 0 ? core::ProtocolVersion::kMqtt311 : core::ProtocolVersion::kMqtt5;
  const core::Metadata metadata = input.metadata();
  check_publish(metadata, protocol);
  check_subscribe(metadata, protocol);
  return 0;
}
