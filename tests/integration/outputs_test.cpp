// What each command prints, in each of its shapes, word for word. Not here: the schema
// (tests/deploy/schema_test.go has it judged), the tables (docs_test.cpp), and check on
// a terminal (terminal_test.cpp).
#include "integration/tools_fixture.h"
#include "support/certificates.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

class Outputs : public Tools {
 protected:
  /// Runs it, and holds its output to the file, in which `names` are <NAME>.
  static void expect(const std::string& golden, int code, const std::vector<std::string>& arguments,
                     std::vector<std::string> names = {}) {
    names.emplace_back(PROJECT_ROOT);
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, code) << golden << "\n" << ran.output;
    expect_golden(golden, without_chance(ran.output, names));
  }
};

TEST_F(Outputs, of_help_and_version) {
  expect("help.txt", 0, {"--help"});
  for (const std::string command :
       {"serve", "validate", "check", "probe", "probe publish", "probe subscribe",
        "probe round-trip", "generate", "generate subscriptions"}) {
    std::istringstream words(command);
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    arguments.emplace_back("--help");
    std::string name = command;
    std::replace(name.begin(), name.end(), ' ', '_');
    expect("help_" + name + ".txt", 0, arguments);
  }
  expect("version.txt", 0, {"--version"});
}

TEST_F(Outputs, of_wrong_usage) {
  expect("usage_command.txt", 2, {"nonsense"});
  expect("usage_operand.txt", 2, {"check"});
  expect("usage_option.txt", 2, {"validate", "--nope", "x.yaml"});
  expect("usage_value.txt", 2, {"serve", "--log-level", "loud"});
  expect("usage_target.txt", 2, {"probe", "publish", "t"});
  expect("usage_document.txt", 2, {"generate", "poems"});
}

TEST_F(Outputs, of_generate) {
  expect("man.txt", 0, {"generate", "man"});
  expect("bash.txt", 0, {"generate", "bash"});
  expect("subscriptions.txt", 0,
         {"generate", "subscriptions", "--lanes", "2", "--route", "/readings",
          "$share/g/Devices/+/t"});
  expect("subscriptions_lanes.txt", 2, {"generate", "subscriptions", "--lanes", "0", "a"});
}

TEST_F(Outputs, of_validate) {
  expect("validate.txt", 1, {"validate", sample("bad.yaml")});
  expect("validate.json", 1, {"validate", "--json", sample("bad.yaml")});
  expect("validate_good.txt", 0, {"validate", sample("good.yaml")});
  expect("validate_good.json", 0, {"validate", "--json", sample("good.yaml")});
  expect("validate_warning.txt", 0, {"validate", sample("warning.yaml")});
  expect("validate_strict.txt", 1, {"validate", "--strict", sample("warning.yaml")});
  expect("validate_several.txt", 1,
         {"validate", sample("good.yaml"), sample("warning.yaml"), sample("bad.yaml")});
  expect("validate_no_component.txt", 1, {"validate", "/dev/null"});
  expect("validate_no_file.txt", 2, {"validate", sample("none.yaml")});
}

TEST_F(Outputs, of_check) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const std::vector<std::string> port = {std::to_string(broker.port())};
  expect("check.txt", 0, {"check", broker.url()}, port);
  expect("check.json", 0, {"check", "--json", broker.url()}, port);
}

TEST_F(Outputs, of_check_that_fails) {
  const std::vector<std::string> port = {std::to_string(unused_port())};
  const std::string url = "tcp://127.0.0.1:" + port[0];
  expect("check_failed.txt", 1, {"check", url}, port);
  expect("check_failed.json", 1, {"check", "--json", url}, port);
  expect("check_wrong_url.txt", 2, {"check", "tcp://"});
  expect("check_wrong_component.txt", 2, {"check", sample("bad.yaml")});
  expect("check_which_component.txt", 2, {"check", "--component", "other", sample("good.yaml")});
  expect("check_no_file.txt", 2, {"check", sample("none.yaml")});
}

TEST_F(Outputs, of_check_that_is_refused) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker({.users = {{"app", "right"}}, .acl = "user app\ntopic read #\n"});
  const std::string port = std::to_string(broker.port());
  expect("check_password.txt", 1, {"check", "tcp://app:wrong@127.0.0.1:" + port}, {port});
  expect("check_acl.txt", 1, {"check", "--timeout", "1s", "tcp://app:right@127.0.0.1:" + port},
         {port});
}

TEST_F(Outputs, of_check_over_tls) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const CertificateAuthority ca;
  MosquittoOptions options;
  options.ca_pem = ca.pem();
  options.server = ca.server();
  const Mosquitto broker(options);
  // Its CA is none of the system's.
  expect("check_tls.txt", 1, {"check", broker.url()}, {std::to_string(broker.port())});
}

TEST_F(Outputs, of_probe) {
  const ComponentProcess component;
  const std::vector<std::string> name = {component.socket()};
  expect("probe.txt", 0, {"probe", "--socket", component.socket()}, name);
  expect("probe.json", 0, {"probe", "--json", "--socket", component.socket()}, name);
  expect("probe_down.txt", 1, {"probe", "--socket", component.socket() + ".none"}, name);
}

TEST_F(Outputs, of_probes_that_send_and_receive) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  const std::vector<std::string> rest = {"--url", broker.url(), "--socket", component.socket()};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return arguments;
  };
  expect("probe_round_trip.txt", 0, with({"probe", "round-trip"}));
  expect("probe_timeout.txt", 1, with({"probe", "subscribe", "a/b", "--timeout", "2s"}));
  // A retained message is there for whoever comes.
  expect("probe_publish.txt", 0, with({"probe", "publish", "a/b", "--data", "hello", "--retain"}));
  expect("probe_subscribe.txt", 0, with({"probe", "subscribe", "a/+", "--count", "1"}));
  expect("probe_subscribe.json", 0, with({"probe", "subscribe", "a/+", "--count", "1", "--json"}));
  const std::string port = std::to_string(unused_port());
  expect("probe_no_broker.txt", 1,
         {"probe", "publish", "a/b", "--data", "x", "--url", "tcp://127.0.0.1:" + port, "--socket",
          component.socket()},
         {port});
}

}  // namespace
}  // namespace dapr_mqtt::testing
