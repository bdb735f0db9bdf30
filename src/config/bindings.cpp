#include "config/bindings.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "config/bind_values.h"
#include "config/limits.h"
#include "config/pem.h"
#include "config/uuid.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kUuid = "{uuid}";

/// Secrets made from files often end with a line break, which no user means.
/// Spaces stay: passwords may hold them anywhere.
std::string_view without_line_break(std::string_view value) {
  if (value.ends_with('\n')) value.remove_suffix(1);
  if (value.ends_with('\r')) value.remove_suffix(1);
  return value;
}

/// Returns the PEM, or an empty text after adding the problem.
std::string certificates(const KeyInfo& key, std::string_view value, Draft& draft) {
  std::vector<std::string> warnings;
  auto pem = read_certificates(value, warnings);
  for (const std::string& warning : warnings) {
    if (draft.warnings.size() >= kMaxWarnings) break;
    draft.warn(key.name, std::string(key.name) + ": " + warning);
  }
  if (pem.ok()) return std::move(pem).value();
  draft.problems.add(key.name, pem.status().message());
  return {};
}

}  // namespace

void url(const KeyInfo& key, std::string_view value, Draft& draft) {
  std::vector<std::string> problems;
  draft.urls = parse_broker_urls(value, problems);
  for (const std::string& problem : problems) draft.problems.add(key.name, problem);
  if (!problems.empty()) return;
  draft.settings.connection.endpoints = draft.urls.endpoints;
  if (draft.urls.username) check_mqtt_string(key, *draft.urls.username, kMaxMqttString, draft);
  if (draft.urls.password && draft.urls.password->reveal().size() > kMaxMqttString) {
    draft.problems.add(key.name, "has a password of more than 65535 bytes, which MQTT allows");
  }
}

void username(const KeyInfo& key, std::string_view value, Draft& draft) {
  value = without_line_break(value);
  if (check_mqtt_string(key, value, kMaxMqttString, draft)) draft.username = std::string(value);
}

void password(const KeyInfo& key, std::string_view value, Draft& draft) {
  value = without_line_break(value);
  // Binary data of at most 65535 bytes (MQTT 3.1.1 section 3.1.3.5).
  if (value.size() > kMaxMqttString) {
    draft.problems.add(key.name, "has " + std::to_string(value.size()) +
                                     " bytes; MQTT allows 65535");
  } else {
    draft.password = base::Secret(std::string(value));
  }
}

void consumer_id(const KeyInfo& key, std::string_view value, Draft& draft) {
  value = base::trim(value);  // as daprd does
  if (!check_mqtt_string(key, value, kMaxConsumerId, draft)) return;
  std::string id(value);
  for (std::size_t at = id.find(kUuid); at != std::string::npos; at = id.find(kUuid, at)) {
    const auto uuid = random_uuid();
    if (!uuid) {
      draft.problems.add(key.name, "the system gave no random number for {uuid}");
      return;
    }
    id.replace(at, kUuid.size(), *uuid);
    at += uuid->size();
  }
  if (check_mqtt_string(key, id, kMaxConsumerId, draft)) {
    draft.settings.random_client_id = contains_uuid(id);  // ours, or daprd's
    draft.settings.connection.client_id = std::move(id);
  }
}

void qos(const KeyInfo& key, std::string_view value, Draft& draft) {
  quality(key, value, draft, draft.settings.qos);
}

void retain(const KeyInfo& key, std::string_view value, Draft& draft) {
  boolean(key, value, draft, draft.settings.retain);
}

void clean_session(const KeyInfo& key, std::string_view value, Draft& draft) {
  boolean(key, value, draft, draft.settings.connection.clean_session);
}

void ca_cert(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.has_ca = true;
  draft.settings.connection.tls.ca_pem = certificates(key, value, draft);
}

void client_cert(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.has_cert = true;
  draft.settings.connection.tls.cert_pem = certificates(key, value, draft);
}

void client_key(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.has_key = true;
  auto pem = read_private_key(value);
  if (pem.ok()) {
    draft.settings.connection.tls.key_pem = std::move(pem).value();
  } else {
    draft.problems.add(key.name, pem.status().message());
  }
}

void max_retries(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_integer(value);
  if (parsed && *parsed >= -1) {
    draft.settings.max_retries = *parsed;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void retry_interval(const KeyInfo& key, std::string_view value, Draft& draft) {
  duration(key, value, draft, milliseconds(0), kMaxRetryInterval, draft.settings.retry_interval);
}

void connect_in_background(const KeyInfo& key, std::string_view value, Draft& draft) {
  boolean(key, value, draft, draft.settings.connect_in_background);
}

void connect_timeout(const KeyInfo& key, std::string_view value, Draft& draft) {
  duration(key, value, draft, milliseconds(1), kMaxConnectTimeout,
           draft.settings.connection.connect_timeout);
}

void keep_alive(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_duration(value);
  if (parsed && *parsed >= milliseconds(0) && *parsed <= kMaxKeepAlive &&
      *parsed % seconds(1) == milliseconds(0)) {
    draft.settings.connection.keep_alive = std::chrono::duration_cast<seconds>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void inbox_max_messages(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_integer(value);
  if (parsed && *parsed >= 1 && *parsed <= kMaxInboxMessages) {
    draft.settings.inbox.max_messages = static_cast<std::size_t>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void inbox_max_bytes(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_size(value);
  if (parsed && *parsed >= kMinInboxBytes && *parsed <= kMaxInboxBytes) {
    draft.settings.inbox.max_bytes = static_cast<std::size_t>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void inbox_sync(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view wanted = base::trim(value);
  if (wanted == "normal" || wanted == "full") {
    draft.settings.inbox_sync_full = wanted == "full";
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void publish_timeout(const KeyInfo& key, std::string_view value, Draft& draft) {
  duration(key, value, draft, milliseconds(1), kMaxPublishTimeout, draft.settings.publish_timeout);
}

}  // namespace dapr_mqtt::config::bind
