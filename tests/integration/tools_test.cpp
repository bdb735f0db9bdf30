// What `validate`, `check`, `probe` and the help print, word for word, against the
// files in golden/. To renew them: DAPR_MQTT_RENEW_GOLDEN=1.
#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Without what differs from run to run.
std::string without_chance(std::string text, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
      text.replace(at, name.size(), "<NAME>");
    }
  }
  text = std::regex_replace(text, std::regex(" *[0-9]+\\.[0-9] ms"), " <TIME>");
  text = std::regex_replace(text, std::regex("\"microseconds\": ?[0-9]+"), "\"microseconds\": <TIME>");
  text = std::regex_replace(text, std::regex("[0-9a-f]{8}\\b"), "<RANDOM>");
  text = std::regex_replace(text, std::regex("\\b[0-9]+\\.[0-9]+\\.[0-9]+\n"), "<VERSION>\n");
  return text;
}

class Tools : public ::testing::Test {
 protected:
  struct Ran {
    std::optional<int> code;
    std::string output;
  };
  static Ran run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ComponentProcess::executable());
    ChildProcess process(arguments);
    Ran ran{process.wait_for_end(std::chrono::seconds(60)), {}};
    ran.output = process.final_output();
    return ran;
  }
  static void expect_golden(const std::string& name, const std::string& output) {
    const std::string path = std::string(PROJECT_ROOT) + "/tests/integration/golden/" + name;
    if (std::getenv("DAPR_MQTT_RENEW_GOLDEN") != nullptr) std::ofstream(path) << output;
    EXPECT_EQ(output, read(path)) << path;
  }
  static std::string sample(const std::string& name) {
    return std::string(PROJECT_ROOT) + "/tests/integration/golden/" + name;
  }
};

TEST_F(Tools, help_is_as_written_down) {
  expect_golden("help.txt", run({"--help"}).output);
  expect_golden("help_serve.txt", run({"serve", "--help"}).output);
  expect_golden("help_check.txt", run({"check", "--help"}).output);
}

TEST_F(Tools, validate_prints_every_problem_and_counts_them) {
  const Ran ran = run({"validate", sample("bad.yaml")});
  EXPECT_EQ(ran.code, 1);
  expect_golden("validate.txt", without_chance(ran.output, {PROJECT_ROOT}));
  const Ran json = run({"validate", "--json", sample("bad.yaml")});
  EXPECT_EQ(json.code, 1);
  expect_golden("validate.json", without_chance(json.output, {PROJECT_ROOT}));
}

TEST_F(Tools, validate_exits_as_documented) {
  EXPECT_EQ(run({"validate", sample("good.yaml")}).code, 0);
  EXPECT_EQ(run({"validate", sample("warning.yaml")}).code, 0);
  EXPECT_EQ(run({"validate", "--strict", sample("warning.yaml")}).code, 1);
  EXPECT_EQ(run({"validate", sample("good.yaml"), sample("bad.yaml")}).code, 1);
  EXPECT_EQ(run({"validate", sample("none.yaml")}).code, 2);
  EXPECT_EQ(run({"validate"}).code, 2);
  EXPECT_EQ(run({"validate", "--unknown", sample("good.yaml")}).code, 2);
}

TEST_F(Tools, check_tells_each_step) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const Ran ran = run({"check", broker.url()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_golden("check.txt", without_chance(ran.output, {std::to_string(broker.port())}));
  const Ran json = run({"check", "--json", broker.url()});
  EXPECT_EQ(json.code, 0) << json.output;
  expect_golden("check.json", without_chance(json.output, {std::to_string(broker.port())}));
}

TEST_F(Tools, check_tells_what_it_saw_of_tls) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const CertificateAuthority ca;
  MosquittoOptions options;
  options.ca_pem = ca.pem();
  options.server = ca.server();
  const Mosquitto broker(options);
  TemporaryFolder folder;
  std::string pem;
  for (const char c : ca.pem()) pem += c == '\n' ? std::string("\\n") : std::string(1, c);
  std::ofstream(folder.path() + "/c.yaml")
      << "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n"
         "  type: pubsub.mqtt\n  version: v1\n  metadata:\n  - {name: url, value: '"
      << broker.url() << "'}\n  - {name: caCert, value: \"" << pem
      << "\"}\n  - {name: qos, value: 1}\n  - {name: cleanSession, value: 'false'}\n";
  const Ran ran = run({"check", folder.path() + "/c.yaml"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (const char* part : {"TLSv1.", "for localhost, 127.0.0.1, ::1", "issued by ", "valid until ",
                           "chain of 2", "session", "kept, with what was sent meanwhile"}) {
    EXPECT_THAT(ran.output, HasSubstr(part));
  }
}

TEST_F(Tools, check_takes_no_running_components_connection_or_session) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  TemporaryFolder folder;
  std::ofstream(folder.path() + "/c.yaml")
      << "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n"
         "  type: pubsub.mqtt\n  version: v1\n  metadata:\n  - {name: url, value: '"
      << broker.url() << "'}\n  - {name: consumerID, value: orders}\n"
      << "  - {name: qos, value: 1}\n  - {name: cleanSession, value: 'false'}\n";
  EXPECT_EQ(run({"check", folder.path() + "/c.yaml"}).code, 0);
  EXPECT_THAT(broker.log(), HasSubstr(" as orders-check-"));
  EXPECT_THAT(broker.log(), ::testing::Not(HasSubstr(" as orders ")));
}

TEST_F(Tools, probe_says_whether_the_component_serves_and_in_which_version) {
  const ComponentProcess component;
  const Ran up = run({"probe", "--socket", component.socket()});
  EXPECT_EQ(up.code, 0);
  expect_golden("probe.txt", without_chance(up.output, {component.socket()}));
  const Ran down = run({"probe", "--socket", component.socket() + ".none"});
  EXPECT_EQ(down.code, 1);
  EXPECT_THAT(down.output, HasSubstr("is the component running"));
}

TEST_F(Tools, probe_waits_for_a_component_that_is_still_starting) {
  const TemporaryFolder folder;
  ChildProcess probe({ComponentProcess::executable(), "probe", "--wait", "--timeout", "60s",
                      "--socket", folder.path() + "/mqtt.sock"});
  const ComponentProcess component({.socket_folder = folder.path()});
  EXPECT_EQ(probe.wait_for_end(std::chrono::seconds(60)), 0) << probe.output();
  EXPECT_EQ(run({"probe", "--wait", "--timeout", "300ms", "--socket", folder.path() + "/none.sock"}).code, 1);
}

TEST_F(Tools, probe_publishes_and_subscribes_without_daprd) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  ChildProcess subscriber({ComponentProcess::executable(), "probe", "subscribe", "a/+", "--count",
                           "2", "--url", broker.url(), "--socket", component.socket()});
  ASSERT_TRUE(broker.wait_for_log("a/+ (QoS 1)"));
  for (const char* topic : {"a/1", "a/2"}) {
    const Ran sent = run({"probe", "publish", topic, "--data", "hello", "--url", broker.url(),
                          "--socket", component.socket()});
    EXPECT_EQ(sent.code, 0) << sent.output;
    EXPECT_THAT(sent.output, HasSubstr("5 bytes to \"" + std::string(topic) + "\" at qos 1"));
  }
  EXPECT_EQ(subscriber.wait_for_end(), 0);
  EXPECT_THAT(subscriber.final_output(), HasSubstr("a/1 hello\na/2 hello\n"));
}

TEST_F(Tools, probe_subscribe_ends_with_its_time) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  const Ran ran = run({"probe", "subscribe", "a", "--timeout", "1s", "--url", broker.url(),
                       "--socket", component.socket()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.output, HasSubstr("no more messages of \"a\" within the timeout"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
