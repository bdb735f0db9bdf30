#include "dapr_mqtt/subscribe/subscribe_options.h"

#include <array>

#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {
namespace {

constexpr std::array<std::string_view, 12> kKnown = {"qos",
                                                     "unsubscribeOnClose",
                                                     "noLocal",
                                                     "retainAsPublished",
                                                     "retainHandling",
                                                     "concurrencyMode",
                                                     "orderBy",
                                                     "cloudEvents",
                                                     "cloudEventType",
                                                     "topicPattern",
                                                     "topicName",
                                                     "rawPayload"};
/// Metadata comes from outside, and comparing keys takes time: only so many unknown keys are
/// compared with the known ones.
constexpr int kMaxUnknown = 100;
constexpr std::size_t kMaxWarnings = 20;

/// Dapr's SDK for JavaScript sends subscription metadata as JSON, with quotes: "1" instead of 1.
std::string_view without_json_quotes(std::string_view value) {
  if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
    return base::trim(value.substr(1, value.size() - 2));
  }
  return value;
}

class Reader {
 public:
  explicit Reader(const SubscribeDefaults& defaults) : defaults_(defaults) {
    request_.options.qos = defaults.qos;
    request_.events.mode = defaults.cloud_events;
    request_.events.type = defaults.cloud_event_type;
    request_.order = defaults.order;
  }

  void read(const std::string& key, const std::string& value) {
    const std::string name = base::to_lower(key);
    const std::string text(without_json_quotes(base::trim(value)));
    if (text.empty()) return;
    if (name == "qos") {
      if (const auto number = small_number(key, text)) {
        request_.options.qos = static_cast<core::QoS>(*number);
      }
    } else if (name == "unsubscribeonclose") {
      boolean(key, text, request_.unsubscribe_on_close);
    } else if (name == "nolocal") {
      if (takes_effect(key)) boolean(key, text, request_.options.no_local);
    } else if (name == "retainaspublished") {
      if (takes_effect(key)) boolean(key, text, request_.options.retain_as_published);
    } else if (name == "retainhandling") {
      if (!takes_effect(key)) return;
      if (const auto number = small_number(key, text)) request_.options.retain_handling = *number;
    } else if (name == "concurrencymode") {
      if (const auto mode = core::parse_concurrency_mode(base::to_lower(text))) {
        request_.order.mode = *mode;
      } else {
        problem(key, text, core::kConcurrencyModeNames);
      }
    } else if (name == "orderby") {
      order_by_given_ = true;
      if (auto by = core::OrderKey::parse(text)) {
        request_.order.key = *std::move(by);
      } else {
        problem(key, text, core::kOrderKeys);
      }
    } else {
      read_events(key, name, text);
    }
  }

  base::Result<SubscriptionRequest> take() {
    if (!problems_.empty()) return base::invalid_argument(problems_);
    check_agreement();
    return std::move(request_);
  }

 private:
  void read_events(const std::string& key, const std::string& name, const std::string& text) {
    core::EventOptions& events = request_.events;
    if (name == "cloudevents") {
      mode_given_ = true;
      const auto mode = core::parse_cloud_events_mode(text);
      if (mode) {
        events.mode = *mode;
      } else {
        problem(key, text, core::kCloudEventsModes);
      }
    } else if (name == "cloudeventtype") {
      if (base::is_valid_utf8(text)) events.type = text;
    } else if (name == "topicpattern") {
      auto pattern = core::TopicPattern::parse(text);
      if (pattern.ok()) {
        events.topic_pattern = std::move(pattern).value();
      } else {
        problem(key, text,
                "a pattern like devices/{device}/{measure}: " + pattern.status().message());
      }
    } else if (name == "topicname") {
      events.real_topic_name = text == "real";
      if (text != "real" && text != "filter") problem(key, text, "one of filter, real");
    } else if (name == "rawpayload" || name == "enablerawpayload" || name == "israwpayload") {
      read_raw_payload(key, text);
    } else {
      warn_of_misspelt(key);
    }
  }

  /// daprd knows the key in one spelling only.
  void read_raw_payload(const std::string& key, const std::string& text) {
    if (key == "rawPayload") {
      request_.events.raw_payload = base::parse_bool(text).value_or(false);
    } else {
      request_.warnings.push_back("subscribe metadata " + base::quote(key, 64) +
                                  ": without effect, since daprd knows it as rawPayload alone");
    }
  }

  void warn_of_misspelt(const std::string& key) {
    if (++unknown_ > kMaxUnknown || request_.warnings.size() >= kMaxWarnings) return;
    const std::string_view near = base::nearest_name(key, kKnown);
    if (near.empty()) return;
    request_.warnings.push_back("subscribe metadata " + base::quote(key, 64) +
                                ": not a known key, so it has no effect; did you mean " +
                                std::string(near) + "?");
  }

  void check_order() {
    if (order_by_given_ && request_.order.mode != core::ConcurrencyMode::kOrdered) {
      request_.warnings.emplace_back(
          "subscribe metadata orderBy: without effect, since concurrencyMode is not ordered");
    } else if (request_.order.mode == core::ConcurrencyMode::kOrdered &&
               request_.order.key.needs_properties() &&
               defaults_.protocol != core::ProtocolVersion::kMqtt5) {
      request_.warnings.emplace_back(
          "orderBy names a user property, and only protocolVersion 5 has those: messages are "
          "ordered by topic instead");
    }
  }

  void check_agreement() {
    check_order();
    const core::EventOptions& events = request_.events;
    const bool passed_on = events.raw_payload || events.mode == core::CloudEventsMode::kPass;
    if (events.raw_payload && mode_given_ && events.mode != core::CloudEventsMode::kPass) {
      request_.warnings.push_back(
          "subscribe metadata cloudEvents: without effect, since rawPayload is true");
    }
    if (passed_on && events.topic_pattern) {
      request_.warnings.push_back(
          std::string("subscribe metadata topicPattern: without effect, since ") +
          (events.raw_payload ? "rawPayload is true" : "cloudEvents is pass"));
    }
  }

  void problem(const std::string& key, const std::string& value, std::string_view allowed) {
    if (!problems_.empty()) problems_ += "; ";
    problems_ += "subscribe metadata " + base::quote(key, 64) + ": " + base::quote(value, 64) +
                 " is not " + std::string(allowed);
  }

  /// Whether a key that needs MQTT 5 has an effect.
  bool takes_effect(const std::string& key) {
    if (defaults_.protocol == core::ProtocolVersion::kMqtt5) return true;
    request_.ignored += (request_.ignored.empty() ? "" : ", ") + base::quote(key, 64);
    return false;
  }

  std::optional<int> small_number(const std::string& key, const std::string& text) {
    const auto number = base::parse_integer(text);
    if (number && *number >= 0 && *number <= 2) return static_cast<int>(*number);
    problem(key, text, "one of 0, 1, 2");
    return std::nullopt;
  }

  void boolean(const std::string& key, const std::string& text, bool& out) {
    if (const auto value = base::parse_bool(text)) {
      out = *value;
    } else {
      problem(key, text, "true or false");
    }
  }

  const SubscribeDefaults& defaults_;
  SubscriptionRequest request_;
  std::string problems_;
  bool mode_given_ = false;
  bool order_by_given_ = false;
  int unknown_ = 0;
};

}  // namespace

base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          const SubscribeDefaults& defaults) {
  Reader reader(defaults);
  for (const auto& [key, value] : metadata) reader.read(key, value);
  return reader.take();
}

}  // namespace dapr_mqtt::subscribe
