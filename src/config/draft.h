#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problems.h"
#include "config/url.h"
#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

/// Settings in the making: each key's value on its own first (bindings.h), then
/// what several keys must agree on (agreement.h).
struct Draft {
  ComponentSettings settings;
  Problems problems;
  std::vector<Note> warnings;
  MetadataContext context;

  /// A remark that does not keep the component from working. `text` is complete.
  void warn(std::string_view key, std::string text) {
    warnings.push_back({std::string(key), std::move(text)});
  }
  /// The key is set, but its value stands elsewhere.
  bool is_elsewhere(std::string_view key) const;

  BrokerUrls urls;
  std::optional<std::string> username;   ///< of the key, not of the URL
  std::optional<base::Secret> password;  ///< likewise
  // Given at all, whether well-formed or not: for "both or neither".
  bool has_ca = false;
  bool has_cert = false;
  bool has_key = false;
  // The last will: its topic makes it one.
  std::optional<core::TopicName> will_topic;
  std::string will_payload;
  core::QoS will_qos = core::QoS::kAtMostOnce;
  bool will_retain = false;
  std::string will_details;  ///< the other keys of it that were given, for errors
};

}  // namespace dapr_mqtt::config
