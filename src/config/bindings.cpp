#include "config/bindings.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "config/bind_values.h"
#include "config/limits.h"
#include "config/uuid.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/base/uuid.h"
#include "dapr_mqtt/credentials/pem.h"

namespace dapr_mqtt::config::bind {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kUuid = "{uuid}";

/// Returns the PEM, or an empty text after adding the problem.
std::string certificates(const KeyInfo& key, std::string_view value, Draft& draft) {
  std::vector<std::string> warnings;
  auto pem = credentials::read_certificates(value, warnings);
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
    draft.problems.add(key.name, "has a password of more than the 65535 bytes that MQTT allows");
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
    draft.problems.add(key.name,
                       "has " + std::to_string(value.size()) + " bytes; MQTT allows 65535");
  } else {
    draft.password = base::Secret(std::string(value));
  }
}

namespace {

/// The client ID, with a random UUID for each {uuid} in it; none if a problem was added.
std::optional<std::string> client_id(const KeyInfo& key, std::string_view value, std::size_t most,
                                     Draft& draft) {
  value = base::trim(value);  // as daprd does
  if (!check_mqtt_string(key, value, most, draft)) return std::nullopt;
  std::string id(value);
  for (std::size_t at = id.find(kUuid); at != std::string::npos; at = id.find(kUuid, at)) {
    const auto uuid = random_uuid();
    if (!uuid) {
      draft.problems.add(key.name, "the system gave no random number for {uuid}");
      return std::nullopt;
    }
    id.replace(at, kUuid.size(), *uuid);
    at += uuid->size();
  }
  if (!check_mqtt_string(key, id, most, draft)) return std::nullopt;
  return id;
}

}  // namespace

void consumer_id(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.uuid_in_consumer_id = value.find(kUuid) != std::string_view::npos;
  if (auto id = client_id(key, value, kMaxConsumerId, draft)) {
    draft.settings.random_client_id = base::contains_uuid(*id);  // made here or by daprd
    draft.settings.connection.client_id = *std::move(id);
  }
}

void client_id_publisher(const KeyInfo& key, std::string_view value, Draft& draft) {
  if (auto id = client_id(key, value, kMaxMqttString, draft)) {
    draft.settings.connection.publisher_client_id = *std::move(id);
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

void client_key(const KeyInfo& /*key*/, std::string_view value, Draft& draft) {
  draft.has_key = true;
  draft.client_key = std::string(value);
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
    draft.settings.inbox_limits.max_messages = static_cast<std::size_t>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void inbox_max_bytes(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_size(value);
  if (parsed && *parsed >= kMinInboxBytes && *parsed <= kMaxInboxBytes) {
    draft.settings.inbox_limits.max_bytes = static_cast<std::size_t>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void inbox(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string wanted = base::to_lower(base::trim(value));
  if (wanted == "auto") {
    draft.settings.inbox = Inbox::kAuto;
  } else if (wanted == "broker") {
    draft.settings.inbox = Inbox::kBroker;
  } else if (wanted == "disk") {
    draft.settings.inbox = Inbox::kDisk;
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
