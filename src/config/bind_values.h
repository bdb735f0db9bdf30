// What several keys' bindings have in common: a value of a kind, or a problem
// that names the key.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "config/draft.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config::bind {

void boolean(const KeyInfo& key, std::string_view value, Draft& draft, bool& out);
void duration(const KeyInfo& key, std::string_view value, Draft& draft,
              std::chrono::milliseconds least, std::chrono::milliseconds most,
              std::chrono::milliseconds& out);
void quality(const KeyInfo& key, std::string_view value, Draft& draft, core::QoS& out);
/// A topic to publish to.
void topic_name(const KeyInfo& key, std::string_view value, Draft& draft,
                std::optional<core::TopicName>& out);
/// What MQTT asks of the strings of a CONNECT packet (MQTT-1.5.3-1, -2).
bool check_mqtt_string(const KeyInfo& key, std::string_view value, std::size_t max_bytes,
                       Draft& draft);

}  // namespace dapr_mqtt::config::bind
