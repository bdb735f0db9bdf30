#include "dapr_mqtt/config/component_file.h"

#include <gmock/gmock.h>

#include <array>

#include "support/random_text.h"

namespace dapr_mqtt::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// As validate prints them, without the file's name.
std::vector<std::string> lines_of(const FilesReport& report) {
  std::vector<std::string> out;
  for (const Finding& finding : report.findings) {
    out.push_back(std::to_string(finding.line) + ":" + std::to_string(finding.column) + ": " +
                  (finding.severity == Severity::kError ? "error: " : "warning: ") + finding.text);
  }
  return out;
}

FilesReport report_of(const std::string& text, const std::string& socket_name = "mqtt") {
  const std::array files = {SourceFile{"file.yaml", text}};
  return check_component_files(files, socket_name);
}
std::vector<std::string> check(const std::string& text, const std::string& socket_name = "mqtt") {
  return lines_of(report_of(text, socket_name));
}

/// Its items begin at line 9.
std::string component(const std::string& items, const std::string& rest = "scopes: [orders]\n") {
  return "apiVersion: dapr.io/v1alpha1\n"
         "kind: Component\n"
         "metadata:\n"
         "  name: mqtt-pubsub\n"
         "spec:\n"
         "  type: pubsub.mqtt\n"
         "  version: v1\n"
         "  metadata:\n" +
         items + rest;
}
std::string item(const std::string& name, const std::string& value) {
  return "  - name: " + name + "\n    value: " + value + "\n";
}
const std::string kUrl = item("url", "tcp://localhost");

TEST(ComponentFile, is_fine_with_a_good_component_and_tells_its_settings) {
  const FilesReport report = report_of(component(kUrl + item("qos", "1")));
  EXPECT_THAT(report.findings, IsEmpty());
  ASSERT_EQ(report.components.size(), 1U);
  EXPECT_EQ(report.components[0].name, "mqtt-pubsub");
  EXPECT_TRUE(report.components[0].good);
  EXPECT_EQ(report.components[0].settings.qos, core::QoS::kAtLeastOnce);
  EXPECT_EQ(report.components[0].metadata.at("qos"), "1");
}

TEST(ComponentFile, knows_rawPayload_in_the_wrong_place) {
  for (const char* key : {"rawPayload", "enableRawPayload", "isRawPayload", "rawpayload"}) {
    EXPECT_THAT(check(component(kUrl + item(key, "\"true\""))),
                ElementsAre(HasSubstr("rawPayload belongs into the metadata of a Subscription")))
        << key;
  }
  const auto subscription = [](const std::string& spec, const std::string& metadata = {}) {
    return check("kind: Subscription\nmetadata: {name: s" + metadata + "}\nspec: {topic: a, " +
                 spec + "}\n");
  };
  EXPECT_THAT(subscription("metadata: {rawPayload: 'true', qos: '1'}"), IsEmpty());
  EXPECT_THAT(
      subscription("metadata: {isRawPayload: 'true'}"),
      ElementsAre(
          "3:29: warning: isRawPayload is without effect: daprd knows it as rawPayload alone"));
  EXPECT_THAT(subscription("rawPayload: true"), ElementsAre(HasSubstr("in spec; daprd looks")));
  EXPECT_THAT(subscription("route: /", ", rawPayload: true"),
              ElementsAre(HasSubstr("in metadata; daprd looks")));
}

TEST(ComponentFile, knows_our_keys_in_a_subscription) {
  const auto with = [](const std::string& metadata) {
    return check("kind: Subscription\nmetadata: {name: s}\nspec:\n  topic: a\n  metadata: {" +
                 metadata + "}\n");
  };
  EXPECT_THAT(with("cloudEvents: auto, topicPattern: 'a/{b}', topicName: real, cloudEventType: x"),
              IsEmpty());
  EXPECT_THAT(with("cloudEvents: raw"),
              ElementsAre("5:27: error: cloudEvents: \"raw\" is not one of auto, wrap, pass"));
  EXPECT_THAT(with("topicName: topic"), ElementsAre(HasSubstr("one of filter, real")));
  EXPECT_THAT(with("topicPattern: 'a/{B}'"), ElementsAre(HasSubstr("letters a-z")));
  EXPECT_THAT(with("concurrencyMode: ordered, orderBy: 'segment:2'"), IsEmpty());
  EXPECT_THAT(with("concurrencyMode: serial"),
              ElementsAre(HasSubstr("one of parallel, single, ordered")));
  EXPECT_THAT(with("orderBy: 'segment:0'"), ElementsAre(HasSubstr("segment:<n>")));
}

TEST(ComponentFile, gives_each_problem_its_line_and_column) {
  EXPECT_THAT(
      check(component(kUrl + item("QoS", "3") + item("backOffMaxRetry", "1") +
                      item("publishTimeout", "never"))),
      ElementsAre("12:12: error: qos: \"3\" is not one of 0, 1, 2",
                  "13:11: warning: unknown metadata key \"backOffMaxRetry\" is ignored; did "
                  "you mean backOffMaxRetries?",
                  HasSubstr("16:12: error: publishTimeout: \"never\" is not a duration")));
}

TEST(ComponentFile, tells_what_daprd_or_kubernetes_does_with_an_incomplete_frame) {
  const std::string good = component(kUrl);
  const auto without = [&](const std::string& line) {
    std::string text = good;
    return check(text.erase(text.find(line), line.size()));
  };
  EXPECT_THAT(without("apiVersion: dapr.io/v1alpha1\n"),
              ElementsAre(HasSubstr("1:1: error: apiVersion is missing, and daprd ignores")));
  EXPECT_THAT(
      without("  version: v1\n"),
      ElementsAre(HasSubstr("6:3: warning: spec.version is missing, and Kubernetes accepts")));
  EXPECT_THAT(check(component(kUrl, "auth: vault\n")),
              ElementsAre("11:7: error: auth must have secretStore: the secret store's name"));
  EXPECT_THAT(check(component(kUrl, "auth:\n")), IsEmpty());
}

TEST(ComponentFile, names_the_list_when_a_key_is_missing) {
  EXPECT_THAT(check(component(item("qos", "1"))),
              ElementsAre(HasSubstr("9:3: error: url: is missing")));
}

TEST(ComponentFile, checks_every_document_and_the_items_of_lists) {
  const std::string bad = component(item("qos", "9"));
  EXPECT_EQ(report_of(bad + "---\n" + component(kUrl) + "---\n" + bad).components.size(), 3U);
  const FilesReport list = report_of(R"({"apiVersion": "v1", "kind": "List", "items": [
    {"apiVersion": "dapr.io/v1alpha1", "kind": "Component", "metadata": {"name": "a"},
     "spec": {"type": "pubsub.mqtt", "version": "v1", "metadata": [
       {"name": "url", "value": "tcp://h"}, {"name": "qos", "value": 7}]}}]})");
  EXPECT_THAT(lines_of(list), ElementsAre("4:70: error: qos: \"7\" is not one of 0, 1, 2"));
}

TEST(ComponentFile, passes_over_what_is_not_ours) {
  const FilesReport report = report_of(
      "kind: Subscription\nspec: {topic: a}\n---\nkind: Component\nmetadata: {name: s}\n"
      "spec: {type: state.redis, version: v1}\n---\nkind: Component\nmetadata: {name: r}\n"
      "spec: {type: pubsub.rabbitmq, version: v1}\n");
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.components, IsEmpty());
}

TEST(ComponentFile, says_where_text_stops_being_yaml) {
  EXPECT_THAT(check("kind: Component\nspec: [1,\n"),
              ElementsAre(HasSubstr("error: this is not YAML")));
  EXPECT_THAT(check("a: b\n\tc: d\n"), ElementsAre(HasSubstr("error: this is not YAML")));
  EXPECT_THAT(check("just words\n"), ElementsAre(HasSubstr("1:1: error: this is no resource")));
  EXPECT_THAT(check("kind: component\n"), ElementsAre(HasSubstr("write kind: Component")));
}

TEST(ComponentFile, takes_references_for_given_and_checks_their_form) {
  const std::string secret = "    secretKeyRef: {name: broker, key: pw}\n";
  const std::string auth = "auth: {secretStore: vault}\n";
  EXPECT_THAT(
      check(component(kUrl + item("username", "u") + "  - name: password\n" + secret, auth)),
      IsEmpty());
  EXPECT_THAT(check(component("  - name: url\n" + secret + "  - name: password\n" + secret, auth)),
              IsEmpty());
  EXPECT_THAT(check(component(kUrl + "  - name: password\n" + secret, auth)),
              ElementsAre(HasSubstr("12:19: error: password: a password needs a user name")));
  EXPECT_THAT(check(component(item("url", "ssl://h") + "  - name: clientKey\n" + secret, auth)),
              ElementsAre(HasSubstr("12:19: error: clientKey: needs clientCert")));
  EXPECT_THAT(check(component("  - name: url\n" + secret)),
              ElementsAre(HasSubstr("10:19: warning: url: secretKeyRef without auth.secretStore")));
  EXPECT_THAT(check(component("  - name: url\n    envRef: MQTT_URL\n")), IsEmpty());
  EXPECT_THAT(check(component("  - name: url\n    envRef: DAPR_URL\n")),
              ElementsAre(HasSubstr("10:13: error: url: daprd hands out no variable")));
  EXPECT_THAT(check(component(kUrl + "  - name: username\n    secretKeyRef: {kye: a}\n", auth)),
              ElementsAre(HasSubstr("12:19: error: username: secretKeyRef has no name"),
                          HasSubstr("did you mean key?")));
}

TEST(ComponentFile, takes_what_kubernetes_exports) {
  const std::string exported =
      "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: \"\"}\nitems:\n"
      "- apiVersion: dapr.io/v1alpha1\n  auth:\n    secretStore: \"\"\n  kind: Component\n"
      "  metadata:\n    annotations: {a: b}\n    creationTimestamp: \"2026-11-29T10:00:00Z\"\n"
      "    generation: 2\n    managedFields: [{manager: kubectl, operation: Update}]\n"
      "    name: pubsub\n    namespace: default\n    resourceVersion: \"12\"\n    uid: x\n"
      "  scopes: [orders]\n"
      "  spec:\n    ignoreErrors: false\n    initTimeout: \"\"\n    metadata:\n"
      "    - name: url\n      secretKeyRef:\n        key: \"\"\n        name: \"\"\n      value: tcp://h\n"
      "    - name: qos\n      envRef: \"\"\n      value: 1\n"
      "    - name: keepAliveInterval\n      secretKeyRef: null\n      value: 10_0\n"
      "    - name: maxConcurrentHandlers\n      value: 5.0\n"
      "    type: pubsub.mqtt\n    version: v1\n";
  EXPECT_THAT(check(exported), IsEmpty());
}

TEST(ComponentFile, reads_values_as_daprd_hands_them_on) {
  EXPECT_THAT(check(component(kUrl + item("qos", "1.0"))), IsEmpty());
  EXPECT_THAT(check(component(kUrl + item("inboxMaxMessages", "10_000"))), IsEmpty());
  EXPECT_THAT(check(component(kUrl + item("qos", "0b11"))),
              ElementsAre(HasSubstr("qos: \"3\" is not one of 0, 1, 2")));
  EXPECT_THAT(check(component(kUrl + item("cloudEventType", "0123"))),
              ElementsAre(HasSubstr("daprd passes on \"83\"; put it in quotes")));
  for (const std::string& line :
       check(component(kUrl + item("username", "u") + item("password", "0123")))) {
    EXPECT_THAT(line, AllOf(Not(HasSubstr("83")), Not(HasSubstr("0123"))));
  }
  EXPECT_THAT(check(component(kUrl + item("username", "u") + item("password", "''"))),
              ElementsAre(HasSubstr("password: is empty, which counts as not set")));
  EXPECT_THAT(check(component(item("url", "broker:1883"))),
              ElementsAre(HasSubstr("write tcp://broker:1883, or ssl:// for TLS")));
}

TEST(ComponentFile, warns_of_secrets_in_clear_text) {
  EXPECT_THAT(check(component(kUrl + item("proxyURL", "http://me:hush@p:1"))),
              ElementsAre(AllOf(HasSubstr("proxyURL holds a password in clear text"),
                                Not(HasSubstr("hush")))));
  EXPECT_THAT(check(component(kUrl + item("proxyURL", "http://p:1"))), IsEmpty());
  EXPECT_THAT(
      check(component(kUrl + item("protocolVersion", "5") + item("authMethod", "JWT") +
                      item("authData", "hush"))),
      ElementsAre(AllOf(HasSubstr("authData stands here in clear text"), Not(HasSubstr("hush")))));
}

TEST(ComponentFile, knows_a_template_that_was_not_rendered) {
  EXPECT_THAT(check(component(item("url", "{{ .Values.url }}"))),
              Contains(HasSubstr("render a Helm template ({{ … }}) first")));
  EXPECT_THAT(check("{{- if .Values.mqtt }}\n" + component(kUrl)),
              Contains(HasSubstr("a template is rendered first (helm template)")));
}

TEST(ComponentFile, warns_of_the_traps) {
  const auto one = [](const std::string& items, const std::string& rest = "scopes: [orders]\n") {
    const auto all = check(component(items, rest));
    return all.size() == 1 ? all[0] : "not one but " + std::to_string(all.size());
  };
  EXPECT_THAT(one(kUrl + item("cleanSession", "\"false\"")),
              HasSubstr("12:12: warning: cleanSession is false but qos is 0"));
  EXPECT_THAT(one(kUrl + item("qos", "1") + item("cleanSession", "\"false\"")),
              HasSubstr("14:12: warning: cleanSession is false, and backOffMaxRetries is not set"));
  EXPECT_THAT(
      one(kUrl + item("qos", "1") + item("cleanSession", "\"false\"") +
          item("backOffMaxRetries", "0")),
      HasSubstr("16:12: warning: cleanSession is false, and backOffMaxRetries is 0: a message "
                "that the app fails once is dropped"));
  for (const std::string& remedy :
       {item("backOffMaxRetries", "-1"), item("deadLetterTopic", "dead")}) {
    EXPECT_THAT(one(kUrl + item("qos", "1") + item("cleanSession", "\"false\"") + remedy),
                HasSubstr("not one but 0"));
  }
  EXPECT_THAT(one(kUrl + item("backOffMaxRetries", "3")),
              HasSubstr("12:12: warning: backOffMaxRetries without qos 1 or 2"));
  EXPECT_THAT(one(item("url", "tcp://u:secret@h")),
              HasSubstr("10:12: warning: url holds a password"));
  EXPECT_THAT(one(kUrl + item("username", "u") + item("password", "secret")),
              HasSubstr("14:12: warning: password stands here in clear text"));
  EXPECT_THAT(one(item("url", "mqtt://h:8883")), HasSubstr("10:12: warning: url is without TLS"));
  EXPECT_THAT(one(item("url", "ssl://h:1883")), HasSubstr("10:12: warning: url asks for TLS"));
  EXPECT_THAT(one(kUrl + "  - name: caCert\n    envRef: CA\n"),
              HasSubstr("12:13: warning: caCert: has no effect"));
  EXPECT_THAT(one(kUrl + item("clientID", "x-{uuid}")),
              HasSubstr("12:12: warning: \"clientID\" is taken for consumerID"));
  EXPECT_THAT(one(kUrl + item("consumerID", "fixed"), ""),
              HasSubstr("every app loads this Component"));
  EXPECT_THAT(one(kUrl + item("consumerID", "fixed"), "scopes: [a, b]\n"),
              HasSubstr("2 apps load"));
  EXPECT_THAT(one(kUrl + item("consumerID", "'{podName}-0x'") + item("username", "0123")),
              HasSubstr("14:12: warning: username: YAML reads this value as a number"));
}

TEST(ComponentFile, never_shows_a_secret) {
  for (const std::string& text :
       {component(item("url", "tcp://u:hunter2@h")), component(kUrl + item("password", "hunter2")),
        component(item("url", "tcp://u:hunter2@h:bad") + item("password", "[hunter2]")),
        component(kUrl + item("clientKey", "hunter2"))}) {
    for (const std::string& line : check(text)) EXPECT_THAT(line, Not(HasSubstr("hunter2")));
  }
}

TEST(ComponentFile, compares_the_timeouts_of_init_and_connect) {
  const std::string long_connect = kUrl + item("connectTimeout", "8s");
  EXPECT_THAT(check(component(long_connect)),
              ElementsAre(HasSubstr("connectTimeout is not below 5s")));
  std::string text = component(long_connect);
  const std::string at = "  version: v1\n";
  text.replace(text.find(at), at.size(), at + "  initTimeout: 10s\n");
  EXPECT_THAT(check(text), IsEmpty());
  text.replace(text.find("10s"), 3, "2s");
  EXPECT_THAT(check(text), ElementsAre(HasSubstr("13:12: warning: connectTimeout is not below the "
                                                 "Component's initTimeout")));
  text.replace(text.find("2s"), 2, "soon");
  EXPECT_THAT(check(text)[0], HasSubstr("8:16: error: spec.initTimeout"));
}

TEST(ComponentFile, warns_of_one_client_id_for_several_replicas) {
  const std::string deployment =
      "---\nkind: Deployment\nmetadata: {name: orders}\nspec:\n  replicas: 3\n  template:\n"
      "    metadata: {annotations: {dapr.io/enabled: 'true', dapr.io/app-id: orders}}\n";
  EXPECT_THAT(
      check(component(kUrl) + deployment),
      ElementsAre(HasSubstr("9:3: warning: consumerID is not set, and so the app's ID, while "
                            "Deployment \"orders\" runs 3 replicas")));
  EXPECT_THAT(check(component(kUrl + item("consumerID", "'{podName}'")) + deployment), IsEmpty());
  EXPECT_THAT(check(component(kUrl, "scopes: [bills]\n") + deployment), IsEmpty());
  const std::string own = item("consumerID", "'{podName}'");
  EXPECT_THAT(
      check(component(kUrl + own + item("clientIdPublisher", "out")) + deployment),
      ElementsAre(HasSubstr("clientIdPublisher is fixed, while Deployment \"orders\" runs 3 "
                            "replicas")));
  EXPECT_THAT(
      check(component(kUrl + own + item("clientIdPublisher", "'out-{podName}'")) + deployment),
      IsEmpty());
}

TEST(ComponentFile, knows_which_type_the_socket_stands_for) {
  std::string text = component(kUrl);
  const auto with_type = [&](const std::string& type) {
    std::string out = text;
    const std::string old = "pubsub.mqtt\n";
    return out.replace(out.find(old), old.size(), type + "\n");
  };
  EXPECT_THAT(
      check(with_type("pubsub.mqtt3")),
      ElementsAre(HasSubstr("6:9: warning: pubsub.mqtt3 is another type than pubsub.mqtt")));
  EXPECT_THAT(check(with_type("pubsub.mqtt3"), "mqtt3"), IsEmpty());
  EXPECT_THAT(check(with_type("pubsub.mqtt"), "mqtt3"),
              ElementsAre(HasSubstr("serve with --name mqtt")));
  EXPECT_THAT(check(with_type("pubsub.mqqt")),
              ElementsAre(HasSubstr("6:9: error: type \"pubsub.mqqt\" is unknown; did you mean")));
}

TEST(ComponentFile, finds_what_daprd_would_pass_over) {
  EXPECT_THAT(
      check("apiVersion: dapr.io/v1\nkind: Component\nmetadata: {name: a}\n"
            "spec: {type: pubsub.mqtt, version: v2, metadta: []}\n"),
      ElementsAre(HasSubstr("1:13: error: apiVersion"), HasSubstr("4:7: error: url: is missing"),
                  HasSubstr("4:36: error: version \"v2\" is not v1"),
                  HasSubstr("4:40: warning: unknown field \"spec.metadta\" is ignored; did you "
                            "mean metadata?")));
  EXPECT_THAT(check(component(kUrl + item("qos", "1") + item("qos", "2"))),
              ElementsAre(HasSubstr("13:11: error: qos: given twice; daprd takes the last")));
  EXPECT_THAT(check("apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n"
                    "  type: pubsub.mqtt\n  version: v1\n  metadata:\n    url: tcp://h\n"),
              Contains(HasSubstr("8:5: error: spec.metadata must be a list")));
}

TEST(ComponentFile, says_that_a_placeholder_needs_quotes) {
  EXPECT_THAT(
      check(component(kUrl + item("consumerID", "{uuid}"))),
      ElementsAre(HasSubstr("12:12: error: consumerID: value must be a text, not a list or a "
                            "mapping; put what begins with { or [ in quotes")));
}

TEST(ComponentFile, warns_of_a_random_consumer_id_with_a_persistent_session) {
  EXPECT_THAT(
      check(component(kUrl + item("consumerID", "\"app-{uuid}\"") + item("qos", "\"1\"") +
                      item("cleanSession", "\"false\"") + item("backOffMaxRetries", "\"-1\""))),
      ElementsAre(HasSubstr("12:12: warning: consumerID is random ({uuid}), while "
                            "cleanSession is false: no later start has")));
}

TEST(ComponentFile, survives_any_bytes) {
  testing::RandomText random(testing::seed_of_test());
  const std::string good = component(kUrl + item("consumerID", "a") +
                                     "  - name: caCert\n    secretKeyRef: {name: a, key: b}\n");
  const std::string alphabet = "{}[]:-,&*!|>'\"\n\t #?%@`\\\xff\x00 0ax~";
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int changes = 1 + static_cast<int>(random.below(6)); changes > 0; --changes) {
      const std::size_t at = random.below(text.size());
      switch (random.below(3)) {
        case 0: text[at] = alphabet[random.below(alphabet.size())]; break;
        case 1: text.insert(at, 1, alphabet[random.below(alphabet.size())]); break;
        default: text.erase(at, 1 + random.below(9)); break;
      }
      if (text.empty()) text = "x";
    }
    const FilesReport report = report_of(text);
    for (const Finding& finding : report.findings) EXPECT_NE(finding.text, "");
  }
  check(std::string(100'000, '['));
  check(std::string(100'000, '{'));
}

}  // namespace
}  // namespace dapr_mqtt::config
