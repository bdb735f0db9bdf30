#include "config/component_advice.h"

#include <algorithm>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {
namespace {

const MetadataItem* find(const ComponentDocument& component, std::string_view key) {
  for (const MetadataItem& item : component.metadata) {
    const KeyInfo* const meant = find_key(item.name);
    if (meant != nullptr && meant->name == key && (item.elsewhere || !item.value.empty()))
      return &item;
  }
  return nullptr;
}

bool holds(const MetadataItem& item, std::string_view part) {
  return item.value.find(part) != std::string::npos;
}

YAML::Node child(const YAML::Node& node, std::string_view name) {
  for (const YamlEntry& entry : entries_of(node)) {
    if (entry.key == name) return entry.value;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

bool concerns(const Workload& workload, const ComponentDocument& component) {
  return component.scopes.empty() || std::find(component.scopes.begin(), component.scopes.end(),
                                               workload.app_id) != component.scopes.end();
}

/// The same trap as a fixed consumerID; without this key the ID is random.
void advise_on_publisher_id(const ComponentDocument& component,
                            const std::vector<Workload>& workloads, const Remark& remark) {
  const MetadataItem* const id = find(component, "clientIdPublisher");
  if (id == nullptr || id->elsewhere || holds(*id, "{uuid}") || holds(*id, "{podName}")) return;
  for (const Workload& workload : workloads) {
    if (workload.replicas < 2 || !concerns(workload, component)) continue;
    remark(Severity::kWarning, id->value_place,
           "clientIdPublisher is fixed, while " + workload.what + " runs " +
               std::to_string(workload.replicas) +
               " replicas: they take the connection away from each other. Write {podName} or "
               "{uuid} in it, or leave it out");
  }
}

/// MQTT-3.1.4-2: a second client with the same ID ends the first one's connection.
void advise_on_client_id(const ComponentDocument& component, const std::vector<Workload>& workloads,
                         const Remark& remark) {
  const MetadataItem* const id = find(component, "consumerID");
  if (id != nullptr && (id->elsewhere || holds(*id, "{uuid}") || holds(*id, "{podName}"))) return;
  const Place place = id != nullptr ? id->value_place : component.metadata_place;
  const std::string what =
      id != nullptr ? "consumerID is fixed" : "consumerID is not set, and so the app's ID";
  bool several = false;
  for (const Workload& workload : workloads) {
    if (workload.replicas < 2 || !concerns(workload, component)) continue;
    several = true;
    remark(Severity::kWarning, place,
           what + ", while " + workload.what + " runs " + std::to_string(workload.replicas) +
               " replicas: they take the connection away from each other. Write {podName} or "
               "{uuid} in it; with consumerGroup each message goes to one of them");
  }
  if (id == nullptr || several || holds(*id, "{appID}") || component.scopes.size() == 1) return;
  remark(Severity::kWarning, place,
         "consumerID is fixed, and " +
             (component.scopes.empty() ? std::string("every app loads this Component (no scopes)")
                                       : std::to_string(component.scopes.size()) +
                                             " apps load this Component (scopes)") +
             ": they take the connection away from each other. Leave it out, or write {appID}, "
             "{podName} or {uuid} in it");
}

void advise_on_secrets(const ComponentDocument& component, const ComponentSettings& settings,
                       const Remark& remark) {
  const std::string remedy =
      " in clear text; keep it in a secret store and refer to it with secretKeyRef";
  for (const char* key :
       {"password", "clientKey", "clientKeyPassword", "authData", "webSocketHeaders"}) {
    const MetadataItem* const item = find(component, key);
    if (item != nullptr && !item->elsewhere) {
      remark(Severity::kWarning, item->value_place, std::string(key) + " stands here" + remedy);
    }
  }
  const MetadataItem* const url = find(component, "url");
  if (url != nullptr && !url->elsewhere && find(component, "password") == nullptr &&
      !settings.connection.password.empty()) {
    remark(Severity::kWarning, url->value_place,
           "url holds a password" + remedy + " (or give it with the key password)");
  }
  const MetadataItem* const proxy = find(component, "proxyURL");
  if (proxy != nullptr && !proxy->elsewhere && settings.connection.proxy &&
      !settings.connection.proxy->password.empty()) {
    remark(Severity::kWarning, proxy->value_place, "proxyURL holds a password" + remedy);
  }
}

void advise_on_retries(const ComponentDocument& component, const ComponentSettings& settings,
                       const Remark& remark) {
  const MetadataItem* const retries = find(component, "backOffMaxRetries");
  const MetadataItem* const qos = find(component, "qos");
  if (retries == nullptr || settings.max_retries == 0 || (qos != nullptr && qos->elsewhere)) return;
  if (settings.qos != core::QoS::kAtMostOnce) return;
  remark(Severity::kWarning, retries->value_place,
         "backOffMaxRetries without qos 1 or 2: the app's failures are tried again, but what is "
         "lost between broker and component is not; set qos to 1");
}

/// 0 is Dapr's documented default. Users do not expect it with a persistent session.
void advise_on_giving_up(const ComponentDocument& component, const ComponentSettings& settings,
                         const Remark& remark) {
  const MetadataItem* const session = find(component, "cleanSession");
  const MetadataItem* const retries = find(component, "backOffMaxRetries");
  if (session == nullptr || session->elsewhere || settings.connection.clean_session) return;
  if (settings.qos == core::QoS::kAtMostOnce || settings.max_retries != 0) return;
  if ((retries != nullptr && retries->elsewhere) || settings.dead_letter_topic) return;
  remark(Severity::kWarning, retries != nullptr ? retries->value_place : session->value_place,
         std::string("cleanSession is false, and backOffMaxRetries is ") +
             (retries != nullptr ? "0" : "not set, and so 0") +
             ": a message that the app fails once is dropped. Set backOffMaxRetries (-1: until it "
             "succeeds), or deadLetterTopic");
}

/// The ports are only a convention, but in dapr/dapr#5204 such a mistake cost days.
void advise_on_ports(const ComponentDocument& component, const ComponentSettings& settings,
                     const Remark& remark) {
  const MetadataItem* const url = find(component, "url");
  if (url == nullptr || url->elsewhere) return;
  for (const core::Endpoint& endpoint : settings.connection.endpoints) {
    const bool odd = endpoint.uses_tls() ? endpoint.port == 1883 : endpoint.port == 8883;
    if (!odd) continue;
    remark(Severity::kWarning, url->value_place,
           endpoint.uses_tls() ? "url asks for TLS on port 1883, where brokers do not use TLS; "
                                 "write port 8883, or tcp://"
                               : "url is without TLS, on port 8883, where brokers speak TLS; write "
                                 "ssl:// or mqtts://");
  }
}

void advise_on_yaml(const ComponentDocument& component, const Remark& remark) {
  for (const MetadataItem& item : component.metadata) {
    const KeyInfo* const key = find_key(item.name);
    if (!item.changes_when_read || key == nullptr || key->type != KeyType::kString) continue;
    remark(Severity::kWarning, item.value_place,
           item.name + ": YAML reads this value as a number or a boolean, and daprd passes on " +
               (key->sensitive ? std::string("another text than stands here")
                               : base::quote(item.value, 64)) +
               "; put it in quotes");
  }
}

}  // namespace

std::optional<Workload> read_workload(const YAML::Node& resource) {
  const std::string kind = kind_of(resource);
  if (kind != "Deployment" && kind != "StatefulSet") return std::nullopt;
  const YAML::Node spec = child(resource, "spec");
  const YAML::Node annotations = child(child(child(spec, "template"), "metadata"), "annotations");
  if (!base::parse_bool(text_of(child(annotations, "dapr.io/enabled")).value_or(""))
           .value_or(false))
    return std::nullopt;
  Workload out;
  out.what =
      kind + " " + base::quote(text_of(child(child(resource, "metadata"), "name")).value_or(""));
  out.app_id = text_of(child(annotations, "dapr.io/app-id")).value_or("");
  out.replicas = static_cast<long>(
      base::parse_integer(text_of(child(spec, "replicas")).value_or("1")).value_or(1));
  return out;
}

void advise(const ComponentDocument& component, const ComponentSettings& settings,
            const std::vector<Workload>& workloads, const Remark& remark) {
  advise_on_client_id(component, workloads, remark);
  advise_on_publisher_id(component, workloads, remark);
  advise_on_secrets(component, settings, remark);
  advise_on_retries(component, settings, remark);
  advise_on_giving_up(component, settings, remark);
  advise_on_ports(component, settings, remark);
  advise_on_yaml(component, remark);
}

}  // namespace dapr_mqtt::config
