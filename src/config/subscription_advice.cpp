#include "config/subscription_advice.h"

#include <string>
#include <string_view>
#include <utility>

#include "config/spelling.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/event_options.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::string_view kRawPayload = "rawPayload";

void advise_on_keys(const YAML::Node& mapping, std::string_view where, const Remark& remark) {
  for (const YamlEntry& entry : entries_of(mapping)) {
    if (!means_raw_payload(entry.key)) continue;
    remark(Severity::kWarning, entry.place,
           entry.key + " is without effect in " + std::string(where) +
               "; daprd looks for rawPayload in spec.metadata");
  }
}

/// A text about a value for which this component would refuse the subscription; empty: none.
std::string wrong_value(const std::string& key, std::string_view value) {
  const std::string name = base::to_lower(key);
  const std::string shown = key + ": " + base::quote(value, 64) + " is not ";
  if (name == "cloudevents" && !core::parse_cloud_events_mode(value)) {
    return shown + std::string(core::kCloudEventsModes);
  }
  if (name == "topicname" && value != "filter" && value != "real") {
    return shown + "one of filter, real";
  }
  if (name == "concurrencymode" && !core::parse_concurrency_mode(base::to_lower(value))) {
    return shown + std::string(core::kConcurrencyModeNames);
  }
  if (name == "orderby" && !core::OrderKey::parse(value)) {
    return shown + std::string(core::kOrderKeys);
  }
  if (name == "topicpattern") {
    const auto pattern = core::TopicPattern::parse(value);
    if (!pattern.ok()) {
      return shown + "a pattern like devices/{device}/{measure}: " + pattern.status().message();
    }
  }
  return {};
}

void advise_on_metadata(const YAML::Node& metadata, const Remark& remark) {
  for (const YamlEntry& entry : entries_of(metadata)) {
    if (means_raw_payload(entry.key) && entry.key != kRawPayload) {
      remark(Severity::kWarning, entry.place,
             entry.key + " is without effect: daprd knows it as rawPayload alone");
    }
    const std::string text = text_of(entry.value).value_or("");
    const std::string_view value = base::trim(text);
    if (value.empty()) continue;
    if (std::string wrong = wrong_value(entry.key, value); !wrong.empty()) {
      remark(Severity::kError, place_of(entry.value), std::move(wrong));
    }
  }
}

}  // namespace

void advise_on_subscription(const YAML::Node& resource, const Remark& remark) {
  if (kind_of(resource) != "Subscription") return;
  advise_on_keys(resource, "the resource itself", remark);
  for (const YamlEntry& part : entries_of(resource)) {
    if (part.key == "metadata") advise_on_keys(part.value, "metadata", remark);
    if (part.key != "spec") continue;
    advise_on_keys(part.value, "spec", remark);
    for (const YamlEntry& in_spec : entries_of(part.value)) {
      if (in_spec.key == "metadata") advise_on_metadata(in_spec.value, remark);
    }
  }
}

}  // namespace dapr_mqtt::config
