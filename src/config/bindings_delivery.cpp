// The keys for shared subscriptions, CloudEvents, delivery and dead letters.
#include <string>

#include "config/bind_values.h"
#include "config/bindings.h"
#include "config/limits.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {

void consumer_group(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view name = base::trim(value);
  if (!check_mqtt_string(key, name, kMaxConsumerGroup, draft)) return;
  // MQTT-4.8.2-1, -2; the filter parser has the rules.
  if (const auto filter = core::TopicFilter::parse("$share/" + std::string(name) + "/t");
      filter.ok() && filter.value().share_name() == name) {
    draft.settings.consumer_group = std::string(name);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void concurrency_mode(const KeyInfo& key, std::string_view value, Draft& draft) {
  if (const auto mode = core::parse_concurrency_mode(base::to_lower(base::trim(value)))) {
    draft.settings.order.mode = *mode;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void order_by(const KeyInfo& key, std::string_view value, Draft& draft) {
  if (auto by = core::OrderKey::parse(base::trim(value))) {
    draft.settings.order.key = *std::move(by);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void max_concurrent_handlers(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_integer(value);
  if (parsed && *parsed >= 1 && *parsed <= kMaxHandlers) {
    draft.settings.max_handlers = static_cast<std::size_t>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void dead_letter_topic(const KeyInfo& key, std::string_view value, Draft& draft) {
  topic_name(key, value, draft, draft.settings.dead_letter_topic);
}

void cloud_events(const KeyInfo& key, std::string_view value, Draft& draft) {
  if (const auto mode = core::parse_cloud_events_mode(base::trim(value))) {
    draft.settings.cloud_events = *mode;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void cloud_event_type(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view type = base::trim(value);
  if (check_mqtt_string(key, type, kMaxEventType, draft)) {
    draft.settings.cloud_event_type = std::string(type);
  }
}

void publish_payload(const KeyInfo& key, std::string_view value, Draft& draft) {
  if (const auto payload = core::parse_publish_payload(base::trim(value))) {
    draft.settings.publish_payload = *payload;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

}  // namespace dapr_mqtt::config::bind
