#include "dapr_mqtt/config/component_file.h"

#include <gmock/gmock.h>

#include <array>

#include "support/random_text.h"

namespace dapr_mqtt::config {
namespace {

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

TEST(ComponentFile, gives_each_problem_its_line_and_column) {
  EXPECT_THAT(check(component(kUrl + item("QoS", "3") + item("backOffMaxRetry", "1") +
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
              ElementsAre(HasSubstr("1:1: error: apiVersion is missing, and daprd passes over")));
  EXPECT_THAT(without("  version: v1\n"),
              ElementsAre(HasSubstr("6:3: warning: spec.version is missing, and Kubernetes takes")));
  EXPECT_THAT(check(component(kUrl, "auth: vault\n")),
              ElementsAre("11:7: error: auth must have secretStore: the secret store's name"));
  EXPECT_THAT(check(component(kUrl, "auth:\n")), IsEmpty());
}

TEST(ComponentFile, names_the_list_when_a_key_is_missing) {
  EXPECT_THAT(check(component(item("qos", "1"))), ElementsAre(HasSubstr("9:3: error: url: is missing")));
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
  EXPECT_THAT(check("kind: Component\nspec: [1,\n"), ElementsAre(HasSubstr("error: this is not YAML")));
  EXPECT_THAT(check("a: b\n\tc: d\n"), ElementsAre(HasSubstr("error: this is not YAML")));
  EXPECT_THAT(check("just words\n"), ElementsAre(HasSubstr("1:1: error: this is no resource")));
  EXPECT_THAT(check("kind: component\n"), ElementsAre(HasSubstr("write kind: Component")));
}

TEST(ComponentFile, takes_references_for_given_and_checks_their_form) {
  const std::string secret = "    secretKeyRef: {name: broker, key: pw}\n";
  const std::string auth = "auth: {secretStore: vault}\n";
  EXPECT_THAT(check(component(kUrl + item("username", "u") + "  - name: password\n" + secret, auth)),
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

TEST(ComponentFile, warns_of_the_traps) {
  const auto one = [](const std::string& items, const std::string& rest = "scopes: [orders]\n") {
    const auto all = check(component(items, rest));
    return all.size() == 1 ? all[0] : "not one but " + std::to_string(all.size());
  };
  EXPECT_THAT(one(kUrl + item("cleanSession", "\"false\"")),
              HasSubstr("12:12: warning: cleanSession is false but qos is 0"));
  EXPECT_THAT(one(kUrl + item("backOffMaxRetries", "3")),
              HasSubstr("12:12: warning: backOffMaxRetries without qos 1 or 2"));
  EXPECT_THAT(one(item("url", "tcp://u:secret@h")), HasSubstr("10:12: warning: url holds a password"));
  EXPECT_THAT(one(kUrl + item("username", "u") + item("password", "secret")),
              HasSubstr("14:12: warning: password stands here in clear text"));
  EXPECT_THAT(one(item("url", "mqtt://h:8883")), HasSubstr("10:12: warning: url is without TLS"));
  EXPECT_THAT(one(item("url", "ssl://h:1883")), HasSubstr("10:12: warning: url asks for TLS"));
  EXPECT_THAT(one(kUrl + "  - name: caCert\n    envRef: CA\n"),
              HasSubstr("12:13: warning: caCert: without use"));
  EXPECT_THAT(one(kUrl + item("clientID", "x-{uuid}")),
              HasSubstr("12:12: warning: \"clientID\" is taken for consumerID"));
  EXPECT_THAT(one(kUrl + item("consumerID", "fixed"), ""), HasSubstr("every app loads this Component"));
  EXPECT_THAT(one(kUrl + item("consumerID", "fixed"), "scopes: [a, b]\n"), HasSubstr("2 apps load"));
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
  EXPECT_THAT(check(component(long_connect)), ElementsAre(HasSubstr("connectTimeout is not below 5s")));
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
  EXPECT_THAT(check(component(kUrl) + deployment),
              ElementsAre(HasSubstr("9:3: warning: consumerID is not set, and so the app's ID, while "
                                    "Deployment \"orders\" runs 3 replicas")));
  EXPECT_THAT(check(component(kUrl + item("consumerID", "'{podName}'")) + deployment), IsEmpty());
  EXPECT_THAT(check(component(kUrl, "scopes: [bills]\n") + deployment), IsEmpty());
}

TEST(ComponentFile, knows_which_type_the_socket_stands_for) {
  std::string text = component(kUrl);
  const auto with_type = [&](const std::string& type) {
    std::string out = text;
    const std::string old = "pubsub.mqtt\n";
    return out.replace(out.find(old), old.size(), type + "\n");
  };
  EXPECT_THAT(check(with_type("pubsub.mqtt3")),
              ElementsAre(HasSubstr("6:9: warning: pubsub.mqtt3 is another type than pubsub.mqtt")));
  EXPECT_THAT(check(with_type("pubsub.mqtt3"), "mqtt3"), IsEmpty());
  EXPECT_THAT(check(with_type("pubsub.mqtt"), "mqtt3"),
              ElementsAre(HasSubstr("serve with --name mqtt")));
  EXPECT_THAT(check(with_type("pubsub.mqqt")),
              ElementsAre(HasSubstr("6:9: error: type \"pubsub.mqqt\" is unknown; did you mean")));
}

TEST(ComponentFile, finds_what_daprd_would_pass_over) {
  EXPECT_THAT(check("apiVersion: dapr.io/v1\nkind: Component\nmetadata: {name: a}\n"
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
  EXPECT_THAT(check(component(kUrl + item("consumerID", "{uuid}"))),
              ElementsAre(HasSubstr("12:12: error: consumerID: value must be a text, not a list or a "
                                    "mapping; put what begins with { or [ in quotes")));
}

TEST(ComponentFile, survives_any_bytes) {
  testing::RandomText random(testing::seed_of_test());
  const std::string good = component(
      kUrl + item("consumerID", "a") + "  - name: caCert\n    secretKeyRef: {name: a, key: b}\n");
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
