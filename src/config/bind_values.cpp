#include "config/bind_values.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/limits.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {

void boolean(const KeyInfo& key, std::string_view value, Draft& draft, bool& out) {
  if (const auto parsed = base::parse_bool(value)) {
    out = *parsed;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void duration(const KeyInfo& key, std::string_view value, Draft& draft,
              std::chrono::milliseconds least, std::chrono::milliseconds most,
              std::chrono::milliseconds& out) {
  const auto parsed = base::parse_duration(value);
  if (parsed && *parsed >= least && *parsed <= most) {
    out = *parsed;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

bool check_mqtt_string(const KeyInfo& key, std::string_view value, std::size_t max_bytes,
                       Draft& draft) {
  const std::string limit = std::to_string(max_bytes);
  if (value.size() > max_bytes) {
    draft.problems.add(key.name, "has " + std::to_string(value.size()) + " bytes; at most " +
                                     limit + " are allowed");
  } else if (!base::is_valid_utf8(value)) {
    draft.problems.add(key.name, shown_value(key, value) + " is not UTF-8");
  } else if (value.find('\0') != std::string_view::npos) {
    draft.problems.add(key.name, shown_value(key, value) + " holds a NUL character");
  } else {
    return true;
  }
  return false;
}

void quality(const KeyInfo& key, std::string_view value, Draft& draft, core::QoS& out) {
  const auto parsed = base::parse_integer(value);
  if (parsed && *parsed >= 0 && *parsed <= 2) {
    out = static_cast<core::QoS>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

std::string_view without_line_break(std::string_view value) {
  if (value.ends_with('\n')) value.remove_suffix(1);
  if (value.ends_with('\r')) value.remove_suffix(1);
  return value;
}

void path(const KeyInfo& key, std::string_view value, Draft& draft, std::string& out) {
  value = base::trim(value);
  if (!check_mqtt_string(key, value, kMaxPath, draft)) return;
  if (value.find("-----BEGIN") != std::string_view::npos) {
    draft.problems.add(key.name,
                       "holds PEM text; it is the path of a file, the text itself goes into " +
                           std::string(key.name.substr(0, key.name.size() - 4)));
  } else if (!value.starts_with('/')) {
    draft.problems.add_wrong_value(key, value);
  } else {
    out = std::string(value);
  }
}

void topic_name(const KeyInfo& key, std::string_view value, Draft& draft,
                std::optional<core::TopicName>& out) {
  auto topic = core::TopicName::parse(base::trim(value));
  if (topic.ok()) {
    out = std::move(topic).value();
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

std::vector<std::string> pieces(std::string_view text, std::string_view separators) {
  std::string source(text);
  for (std::size_t at = source.find("\\n"); at != std::string::npos; at = source.find("\\n", at)) {
    source.replace(at, 2, "\n");
  }
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= source.size()) {
    const std::size_t end = std::min(source.find_first_of(separators, begin), source.size());
    const std::string_view piece = base::trim(std::string_view(source).substr(begin, end - begin));
    if (!piece.empty()) out.emplace_back(piece);
    begin = end + 1;
  }
  return out;
}

void user_properties(const KeyInfo& key, std::string_view value, Draft& draft,
                     std::vector<std::pair<std::string, std::string>>& out) {
  const std::vector<std::string> pairs = pieces(value, ",\r\n");
  if (pairs.size() > kMaxListItems) return draft.problems.add_wrong_value(key, value);
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    const std::string_view name = base::trim(std::string_view(pair).substr(0, equals));
    if (equals == std::string::npos || name.empty()) {
      return draft.problems.add(key.name, base::quote(pair, 64) + " is not like name=value");
    }
    if (!check_mqtt_string(key, pair, kMaxMqttString, draft)) return;
    out.emplace_back(std::string(name),
                     std::string(base::trim(std::string_view(pair).substr(equals + 1))));
  }
}

}  // namespace dapr_mqtt::config::bind
