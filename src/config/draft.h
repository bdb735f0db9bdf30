#pragma once

#include <chrono>
#include <optional>
#include <set>
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

/// Settings while they are being read: first each key's value on its own
/// (bindings.h), then the checks across several keys (agreement.h).
struct Draft {
  ComponentSettings settings;
  Problems problems;
  std::vector<Note> warnings;
  MetadataContext context;

  /// Adds a remark about something with which the component still works. `text` is complete.
  void warn(std::string_view key, std::string text) {
    warnings.push_back({std::string(key), std::move(text)});
  }
  /// The key is set, but its value is not in the file (secretKeyRef or envRef).
  bool is_elsewhere(std::string_view key) const;
  /// The key is set here or elsewhere, to its default or not.
  bool is_given(std::string_view key) const;

  std::set<std::string_view> given;  ///< keys whose value is here, as the table spells them

  BrokerUrls urls;
  std::optional<std::string> username;   ///< from the key, not from the URL
  std::optional<base::Secret> password;  ///< from the key, not from the URL
  bool uuid_in_consumer_id = false;      ///< as "{uuid}", which daprd may have replaced before
  // Whether the value was given, well-formed or not: for "both or neither" checks.
  bool has_ca = false;
  bool has_cert = false;
  bool has_key = false;
  /// As written: it can be read only with its passphrase, which is another key.
  std::string client_key;
  bool has_auth_data = false;
  bool has_web_socket_headers = false;
  // The last will. There is one only if it has a topic.
  std::optional<core::TopicName> will_topic;
  std::string will_payload;
  core::QoS will_qos = core::QoS::kAtMostOnce;
  bool will_retain = false;
  std::chrono::seconds will_delay{0};
  core::MessageProperties will_properties;
  bool will_is_text = false;
  std::string will_mqtt5;    ///< the will's keys that only MQTT 5 has, for warnings
  std::string will_details;  ///< all the will's keys except willTopic that were given, for errors
};

}  // namespace dapr_mqtt::config
