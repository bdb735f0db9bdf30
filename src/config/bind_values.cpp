#include "config/bind_values.h"

#include <string>
#include <utility>

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

void topic_name(const KeyInfo& key, std::string_view value, Draft& draft,
                std::optional<core::TopicName>& out) {
  auto topic = core::TopicName::parse(base::trim(value));
  if (topic.ok()) {
    out = std::move(topic).value();
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

}  // namespace dapr_mqtt::config::bind
