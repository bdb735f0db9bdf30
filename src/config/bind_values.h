// Functions that the bindings of several keys use. Each reads a value of one kind,
// or adds a problem that names the key.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/draft.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config::bind {

void boolean(const KeyInfo& key, std::string_view value, Draft& draft, bool& out);
void duration(const KeyInfo& key, std::string_view value, Draft& draft,
              std::chrono::milliseconds least, std::chrono::milliseconds most,
              std::chrono::milliseconds& out);
void quality(const KeyInfo& key, std::string_view value, Draft& draft, core::QoS& out);
/// Removes a line break at the end, which secrets made from files often have by
/// accident. Spaces stay: passwords may hold them anywhere.
std::string_view without_line_break(std::string_view value);
/// The path of a file.
void path(const KeyInfo& key, std::string_view value, Draft& draft, std::string& out);
/// A topic to publish to.
void topic_name(const KeyInfo& key, std::string_view value, Draft& draft,
                std::optional<core::TopicName>& out);
/// Checks MQTT's rules for the strings of a CONNECT packet (MQTT-1.5.3-1, -2).
bool check_mqtt_string(const KeyInfo& key, std::string_view value, std::size_t max_bytes,
                       Draft& draft);

/// The pieces between `separators`, without white space around them; empty ones are left out.
/// The two characters "\n" count as a line break.
std::vector<std::string> pieces(std::string_view text, std::string_view separators);
/// name=value pairs, appended to `out`.
void user_properties(const KeyInfo& key, std::string_view value, Draft& draft,
                     std::vector<std::pair<std::string, std::string>>& out);

}  // namespace dapr_mqtt::config::bind
