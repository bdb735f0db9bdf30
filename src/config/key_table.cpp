#include <algorithm>
#include <array>
#include <vector>

#include "config/bindings.h"
#include "config/key_rows.h"
#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/config/keys.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/event_options.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::array<std::string_view, 3> kQosValues = {"0", "1", "2"};
constexpr std::array<std::string_view, 3> kConcurrencyModes = {"parallel", "single", "ordered"};
constexpr std::array<std::string_view, 2> kProtocolVersions = {"3.1.1", "5"};
constexpr std::array<std::string_view, 3> kInboxValues = {"auto", "broker", "disk"};
constexpr std::array<std::string_view, 3> kCloudEventsValues = {"auto", "wrap", "pass"};
constexpr std::array<std::string_view, 2> kPublishPayloads = {"event", "data"};
constexpr std::array<std::string_view, 2> kInboxSyncValues = {"normal", "full"};
constexpr std::string_view kBooleans = base::bool_values();
constexpr std::string_view kExampleCertificate =
    "-----BEGIN CERTIFICATE-----\\n<base64>\\n-----END CERTIFICATE-----";
constexpr std::string_view kExampleKey =
    "-----BEGIN PRIVATE KEY-----\\n<base64>\\n-----END PRIVATE KEY-----";

// The texts repeat the bounds of limits.h; keep them in step by hand.
constexpr std::array<KeyInfo, 34> kRows = {{
    {
        .name = "url",
        .required = true,
        .sensitive = true,
        .example = "tcp://user:password@broker.example:1883",
        .allowed = "a URL like tcp://user:password@host:port; tcp:// and mqtt:// (port 1883) are "
                   "plain, ssl://, tls://, mqtts:// and tcps:// (8883) use TLS, ws:// (80) and "
                   "wss:// (443, TLS) are WebSocket; several are separated by commas",
        .description =
            "Address of the MQTT broker. With several, the next is tried when one cannot be "
            "reached. User name and password are percent-decoded; IPv6 addresses go in brackets. A "
            "WebSocket URL without a path gets /mqtt.",
        .apply = bind::url,
    },
    {
        .name = "username",
        .sensitive = true,
        .example = "user",
        .allowed = "UTF-8 text of at most 65535 bytes",
        .description = "User name at the broker, instead of the one in url.",
        .apply = bind::username,
    },
    {
        .name = "password",
        .sensitive = true,
        .example = "secret",
        .allowed = "at most 65535 bytes; MQTT 3.1.1 takes no password without a user name",
        .description =
            "Password at the broker, instead of the one in url, so that it can come from "
            "a secret store alone. A line break at its end is left out.",
        .apply = bind::password,
    },
    {
        .name = "consumerID",
        .example = "myapp-{uuid}",
        .allowed = "UTF-8 text of at most 65522 bytes",
        .description =
            "MQTT client ID of the connection that receives. daprd sets it to the app ID when it "
            "is not given. Each {uuid} becomes a random UUID, which gives every replica an ID of "
            "its own. The connection that publishes uses it too, with a suffix.",
        .apply = bind::consumer_id,
    },
    {
        .name = "qos",
        .type = KeyType::kNumber,
        .default_value = "0",
        .example = "1",
        .allowed = "one of 0, 1, 2",
        .allowed_values = kQosValues,
        .description = "Quality of service of publishes and subscriptions that name none.",
        .apply = bind::qos,
    },
    {
        .name = "retain",
        .type = KeyType::kBool,
        .default_value = "false",
        .example = "true",
        .allowed = kBooleans,
        .description = "Whether the broker keeps a published message as its topic's last value, "
                       "for publishes that do not say.",
        .apply = bind::retain,
    },
    {
        .name = "cleanSession",
        .type = KeyType::kBool,
        .default_value = "true",
        .example = "false",
        .allowed = kBooleans,
        .description = "Whether the broker forgets the consumer when it disconnects. With false it "
                       "keeps the subscriptions and queues messages of QoS 1 and 2 meanwhile.",
        .apply = bind::clean_session,
    },
    {
        .name = "caCert",
        .example = kExampleCertificate,
        .allowed = "one or more certificates as PEM text, with real line breaks or \\n",
        .description = "Certificate authorities that the broker's certificate is checked with. "
                       "Without it, the system's.",
        .apply = bind::ca_cert,
    },
    {
        .name = "clientCert",
        .example = kExampleCertificate,
        .allowed = "a certificate as PEM text, its chain after it, with real line breaks or \\n",
        .description = "Certificate that the component shows the broker (mutual TLS). Needs "
                       "clientKey or clientKeyFile.",
        .apply = bind::client_cert,
    },
    {
        .name = "clientKey",
        .sensitive = true,
        .example = kExampleKey,
        .allowed =
            "a private key as PEM text, with real line breaks or \\n; an encrypted one needs "
            "clientKeyPassword",
        .description = "Private key of clientCert. Needs clientCert or clientCertFile.",
        .apply = bind::client_key,
    },
    {
        .name = "backOffMaxRetries",
        .type = KeyType::kNumber,
        .default_value = "0",
        .example = "3",
        .allowed = "a whole number from -1 up",
        .description = "How many times a message that the app failed is delivered again: 0 not at "
                       "all, -1 until it succeeds. Deliveries that did not reach the app do not "
                       "count.",
        .apply = bind::max_retries,
    },
    {
        .name = "backOffInterval",
        .type = KeyType::kDuration,
        .default_value = "5s",
        .example = "500ms",
        .allowed = "a duration like 5s, 500ms or 1m30s, or whole seconds, from 0 to 24h",
        .description = "Pause before a message that the app failed is delivered again.",
        .apply = bind::retry_interval,
    },
    {
        .name = "cloudEvents",
        .default_value = "pass",
        .example = "auto",
        .allowed = core::kCloudEventsModes,
        .allowed_values = kCloudEventsValues,
        .description =
            "What is done with received payloads, for subscriptions that do not say. auto: a "
            "payload that is not a CloudEvent (a number, text, bytes, any JSON) becomes the data "
            "of one, with the real topic as its subject; subscriptions with rawPayload stay raw. "
            "wrap: the same, for CloudEvents too. pass: daprd gets payloads as they are, and drops "
            "those that are not a JSON object.",
        .apply = bind::cloud_events,
    },
    {
        .name = "cloudEventType",
        .default_value = "mqtt.message",
        .example = "com.example.reading",
        .allowed = "UTF-8 text of at most 1024 bytes",
        .description = "The type of the CloudEvents that cloudEvents makes, for subscriptions that "
                       "do not say.",
        .apply = bind::cloud_event_type,
    },
    {
        .name = "concurrencyMode",
        .default_value = "parallel",
        .example = "ordered",
        .allowed = core::kConcurrencyModeNames,
        .allowed_values = kConcurrencyModes,
        .description =
            "In which order messages go to the app, for subscriptions that do not say. parallel: "
            "up to maxConcurrentHandlers at a time; the order is not kept if the app handles "
            "several at once or fails some. ordered: one at a time for each real topic (or "
            "orderBy), in order; a message that failed is tried again before the next of its "
            "topic, while other topics go on. single: one message of a subscription at a time.",
        .apply = bind::concurrency_mode,
    },
    {
        .name = "connectInBackground",
        .type = KeyType::kBool,
        .default_value = "false",
        .example = "true",
        .allowed = kBooleans,
        .description = "Whether the component starts while the broker is away and connects when it "
                       "comes. With false, daprd reports the failed connection at its start.",
        .apply = bind::connect_in_background,
    },
    {
        .name = "connectTimeout",
        .type = KeyType::kDuration,
        .default_value = "4s",
        .example = "3s",
        .allowed = "a duration like 5s, 500ms or 1m30s, or whole seconds, more than 0 and at most "
                   "10m",
        .description =
            "How long connecting to the broker may take, for all URLs together; after a failed "
            "attempt, for each URL. Keep it below the Component's initTimeout (5s unless set), or "
            "daprd gives up before the cause is known.",
        .apply = bind::connect_timeout,
    },
    {
        .name = "consumerGroup",
        .example = "orders",
        .allowed = "UTF-8 text of at most 1024 bytes without /, + and #",
        .description =
            "Name of a group whose members share the messages: each goes to one of them. "
            "Every topic is subscribed as $share/<consumerGroup>/<topic>. Give each "
            "member a consumerID of its own, e.g. {uuid}.",
        .apply = bind::consumer_group,
    },
    {
        .name = "deadLetterTopic",
        .example = "orders/failed",
        .allowed = "a topic name without wildcards",
        .description = "Where messages are published that the app failed for good, or that are too "
                       "large for daprd: with MQTT 5 as they were received, with properties that "
                       "say why; with 3.1.1 in a JSON envelope. Without it they are dropped.",
        .apply = bind::dead_letter_topic,
    },
    {
        .name = "inbox",
        .default_value = "auto",
        .example = "broker",
        .allowed = "one of auto, broker, disk",
        .allowed_values = kInboxValues,
        .description =
            "Who keeps the messages of a persistent session (cleanSession false) until the app has "
            "handled them. broker: the broker, which gets the acknowledgement only then; nothing "
            "is stored on the component's disk. auto: the broker, but messages that the app fails "
            "or does not answer are stored on disk, so that they do not hold up others. disk: "
            "every message is stored on disk when it arrives.",
        .apply = bind::inbox,
    },
    {
        .name = "inboxMaxBytes",
        .default_value = "1Gi",
        .example = "64Mi",
        .allowed = "bytes, with Ki, Mi, Gi, Ti, k, M, G or T behind them or not, from 64Ki to 1Ti",
        .description =
            "How many bytes of messages may wait for the app. At this limit no more messages are "
            "acknowledged until half of them are handled; clean sessions drop the oldest instead.",
        .apply = bind::inbox_max_bytes,
    },
    {
        .name = "inboxMaxMessages",
        .type = KeyType::kNumber,
        .default_value = "100000",
        .example = "20000",
        .allowed = "a whole number from 1 to 10000000",
        .description = "As inboxMaxBytes, by number of messages.",
        .apply = bind::inbox_max_messages,
    },
    {
        .name = "inboxSync",
        .default_value = "normal",
        .example = "full",
        .allowed = "one of normal, full",
        .allowed_values = kInboxSyncValues,
        .description =
            "What the messages of a persistent session (cleanSession false) survive before the "
            "app has handled them. normal: any end of the process. full: a power cut too, at the "
            "price of a disk flush for each message.",
        .apply = bind::inbox_sync,
    },
    {
        .name = "keepAliveInterval",
        .type = KeyType::kDuration,
        .default_value = "30s",
        .example = "1m",
        .allowed = "0 (off) or a duration of whole seconds from 1s to 65535s",
        .description = "Longest silence before the connection is checked with a ping.",
        .apply = bind::keep_alive,
    },
    {
        .name = "maxConcurrentHandlers",
        .type = KeyType::kNumber,
        .default_value = "100",
        .example = "10",
        .allowed = "a whole number from 1 to 10000",
        .description =
            "How many messages of one subscription may be with the app at a time, unless "
            "concurrencyMode is single.",
        .apply = bind::max_concurrent_handlers,
    },
    {
        .name = "orderBy",
        .default_value = "topic",
        .example = "segment:2",
        .allowed = core::kOrderKeys,
        .description =
            "Which messages concurrencyMode ordered keeps in order among themselves, for "
            "subscriptions that do not say: those of the same topic, with the same text in this "
            "level of the topic, or with the same value of this user property. A message without "
            "that level or property is ordered by its topic.",
        .apply = bind::order_by,
    },
    {
        .name = "protocolVersion",
        .default_value = "3.1.1",
        .example = "5",
        .allowed = "one of 3.1.1, 5",
        .allowed_values = kProtocolVersions,
        .description = "Version of MQTT spoken with the broker. With 5, errors have the broker's "
                       "reason, and messages have properties and expiry.",
        .apply = bind::protocol_version,
    },
    {
        .name = "publishPayload",
        .default_value = "event",
        .example = "data",
        .allowed = core::kPublishPayloads,
        .allowed_values = kPublishPayloads,
        .description =
            "What is sent for publishes that do not say. event: the CloudEvent that daprd puts "
            "around the app's data. data: only the app's data, for devices; with MQTT 5 the "
            "event's attributes are sent as user properties.",
        .apply = bind::publish_payload,
    },
    {
        .name = "publishTimeout",
        .type = KeyType::kDuration,
        .default_value = "20s",
        .example = "5s",
        .allowed = "a duration like 5s, 500ms or 1m30s, or whole seconds, more than 0 and at most "
                   "24h",
        .description =
            "How long a publish may wait for the broker's answer, reconnects included. An earlier "
            "deadline of the caller has priority.",
        .apply = bind::publish_timeout,
    },
    {
        .name = "sessionExpiryInterval",
        .type = KeyType::kDuration,
        .example = "24h",
        .allowed = "a duration like 24h or 1h30m, or whole seconds, from 1s to 2147483647s",
        .description = "MQTT 5 with cleanSession false: how long the broker keeps subscriptions "
                       "and queued messages of a consumer that is away. Without it, for ever.",
        .apply = bind::session_expiry,
    },
    {
        .name = "willPayload",
        .example = "gone",
        .allowed = "at most 65535 bytes",
        .description = "Payload of the last will.",
        .apply = bind::will_payload,
    },
    {
        .name = "willQos",
        .type = KeyType::kNumber,
        .example = "1",
        .allowed = "one of 0, 1, 2",
        .allowed_values = kQosValues,
        .description = "Quality of service of the last will. Without it, 0.",
        .apply = bind::will_qos,
    },
    {
        .name = "willRetain",
        .type = KeyType::kBool,
        .example = "true",
        .allowed = kBooleans,
        .description = "Whether the broker keeps the last will as its topic's last value. Without "
                       "it, false.",
        .apply = bind::will_retain,
    },
    {
        .name = "willTopic",
        .example = "apps/orders/state",
        .allowed = "a topic name without wildcards",
        .description = "Topic of a last will: what the broker publishes when the consumer's "
                       "connection ends without DISCONNECT.",
        .apply = bind::will_topic,
    },
}};

struct Alias {
  std::string_view name;
  std::string_view key;
};

// Names that users of other MQTT software write.
constexpr std::array<Alias, 1> kAliases = {{{"clientid", "consumerID"}}};

constexpr std::array<std::string_view, 4> kDaprdKeys = {"allowedtopics", "publishingscopes",
                                                        "subscriptionscopes", "protectedtopics"};

}  // namespace

std::string_view to_string(KeyType type) {
  switch (type) {
    case KeyType::kString: return "string";
    case KeyType::kNumber: return "number";
    case KeyType::kBool: return "bool";
    case KeyType::kDuration: return "duration";
  }
  return "string";
}

std::span<const KeyInfo> keys() {
  static const std::vector<KeyInfo> all = [] {
    std::vector<KeyInfo> rows(kRows.begin(), kRows.end());
    const auto more = security_rows();
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return all;
}

const KeyInfo* find_key(std::string_view name) {
  std::string wanted = base::to_lower(name);
  for (const Alias& alias : kAliases) {
    if (wanted == alias.name) wanted = base::to_lower(alias.key);
  }
  for (const KeyInfo& key : keys()) {
    if (base::to_lower(key.name) == wanted) return &key;
  }
  return nullptr;
}

std::string_view nearest_key(std::string_view name) {
  std::vector<std::string_view> names;
  for (const KeyInfo& key : keys()) names.push_back(key.name);
  return base::nearest_name(name, names);
}

bool is_daprd_key(std::string_view name) {
  const std::string wanted = base::to_lower(name);
  return std::find(kDaprdKeys.begin(), kDaprdKeys.end(), wanted) != kDaprdKeys.end();
}

std::string documented_description(const KeyInfo& key) {
  return std::string(key.description) + "\nAllowed: " + std::string(key.allowed) + ".";
}

}  // namespace dapr_mqtt::config
