// The keys of protocol, session and last will.
#include <chrono>
#include <string>

#include "config/bind_values.h"
#include "config/bindings.h"
#include "config/limits.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {

void protocol_version(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view wanted = base::trim(value);
  if (wanted == "3.1.1" || wanted == "5") {
    draft.settings.connection.protocol = wanted == "5" ? core::ProtocolVersion::kMqtt5
                                                       : core::ProtocolVersion::kMqtt311;
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

void note_will(const KeyInfo& key, Draft& draft) {
  draft.will_details += (draft.will_details.empty() ? "" : ", ") + std::string(key.name);
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
    draft.problems.add(key.name, "has " + std::to_string(value.size()) +
                                     " bytes; MQTT allows 65535");
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

}  // namespace dapr_mqtt::config::bind
