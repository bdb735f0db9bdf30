// The keys for protocol, session and last will.
#include <chrono>
#include <string>

#include "config/bind_values.h"
#include "config/bindings.h"
#include "config/limits.h"
#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {

void protocol_version(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view wanted = base::trim(value);
  if (wanted == "3.1.1" || wanted == "5") {
    draft.settings.connection.protocol =
        wanted == "5" ? core::ProtocolVersion::kMqtt5 : core::ProtocolVersion::kMqtt311;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void session_expiry(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_duration(value);
  if (parsed && *parsed >= std::chrono::seconds(1) && *parsed <= kMaxSessionExpiry) {
    draft.settings.connection.session_expiry = std::chrono::ceil<std::chrono::seconds>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

namespace {

void note(const KeyInfo& key, std::string& names) {
  names += (names.empty() ? "" : ", ") + std::string(key.name);
}

void note_will(const KeyInfo& key, Draft& draft) { note(key, draft.will_details); }

void note_mqtt5_will(const KeyInfo& key, Draft& draft) {
  note_will(key, draft);
  note(key, draft.will_mqtt5);
}

}  // namespace

void will_topic(const KeyInfo& key, std::string_view value, Draft& draft) {
  topic_name(key, value, draft, draft.will_topic);
}

void will_payload(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_will(key, draft);
  if (value.size() <= kMaxMqttString) {
    draft.will_payload = std::string(value);
  } else {
    draft.problems.add(key.name,
                       "has " + std::to_string(value.size()) + " bytes; MQTT allows 65535");
  }
}

void will_qos(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_will(key, draft);
  quality(key, value, draft, draft.will_qos);
}

void will_retain(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_will(key, draft);
  boolean(key, value, draft, draft.will_retain);
}

void will_delay(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_duration(value);
  if (parsed && *parsed >= std::chrono::seconds(0) && *parsed <= kMaxSessionExpiry) {
    draft.will_delay = std::chrono::ceil<std::chrono::seconds>(*parsed);
    if (draft.will_delay.count() > 0) note_mqtt5_will(key, draft);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void will_expiry(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  const auto parsed = base::parse_duration(value);
  if (parsed && parsed->count() > 0 && *parsed <= kMaxSessionExpiry) {
    draft.will_properties.expiry = std::chrono::ceil<std::chrono::seconds>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void will_payload_format(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  const std::string_view wanted = base::trim(value);
  if (wanted == "bytes" || wanted == "text") {
    draft.will_is_text = wanted == "text";
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void will_content_type(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  const std::string_view type = base::trim(value);
  if (check_mqtt_string(key, type, kMaxMqttString, draft)) {
    draft.will_properties.content_type = std::string(type);
  }
}

void will_response_topic(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  std::optional<core::TopicName> topic;
  topic_name(key, value, draft, topic);
  if (topic) draft.will_properties.response_topic = topic->str();
}

void will_correlation_data(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  auto bytes = base::from_base64(base::trim(value));
  if (bytes && bytes->size() <= kMaxMqttString) {
    draft.will_properties.correlation_data = *std::move(bytes);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void will_user_properties(const KeyInfo& key, std::string_view value, Draft& draft) {
  note_mqtt5_will(key, draft);
  user_properties(key, value, draft, draft.will_properties.user_properties);
}

}  // namespace dapr_mqtt::config::bind
