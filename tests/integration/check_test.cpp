// `check` against a real mosquitto: what it prints, and what it leaves alone.
#include "contract/scripted_broker.h"
#include "integration/tools_fixture.h"
#include "support/certificates.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Check : public Tools {
 protected:
  /// A Component of these lines of metadata, each "{name: …, value: …}".
  std::string component(const std::vector<std::string>& metadata) const {
    std::string text =
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n"
        "  type: pubsub.mqtt\n  version: v1\n  metadata:\n";
    for (const std::string& line : metadata) text += "  - " + line + "\n";
    const std::string path = folder_.path() + "/c.yaml";
    std::ofstream(path) << text;
    return path;
  }
  static std::string url(const Mosquitto& broker) {
    return "{name: url, value: '" + broker.url() + "'}";
  }

  const TemporaryFolder folder_;
};

TEST_F(Check, tells_what_it_saw_of_tls) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const CertificateAuthority ca;
  MosquittoOptions options;
  options.ca_pem = ca.pem();
  options.server = ca.server();
  const Mosquitto broker(options);
  std::string pem;
  for (const char c : ca.pem()) pem += c == '\n' ? std::string("\\n") : std::string(1, c);
  const std::string file =
      component({url(broker), "{name: caCert, value: \"" + pem + "\"}", "{name: qos, value: 1}",
                 "{name: cleanSession, value: 'false'}"});
  const Ran ran = run({"check", file});
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (const char* part : {"TLSv1.", "for localhost, 127.0.0.1, ::1", "issued by ", "valid until ",
                           "chain of 2", "session", "kept, with what was sent meanwhile"}) {
    EXPECT_THAT(ran.output, HasSubstr(part));
  }
}

TEST_F(Check, reads_credentials_from_files_and_says_what_is_wrong_with_them) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const CertificateAuthority ca;
  MosquittoOptions options;
  options.ca_pem = ca.pem();
  options.server = ca.server();
  options.require_client_certificate = true;
  options.users = {{"user", "hush"}};
  const Mosquitto broker(options);
  const Identity client = ca.client();
  const auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream(folder_.path() + "/" + name) << content;
    return "'" + folder_.path() + "/" + name + "'";
  };
  const std::string file =
      component({url(broker), "{name: username, value: user}",
                 "{name: passwordFile, value: " + write("password", "hush\n") + "}",
                 "{name: caCertFile, value: " + write("ca.crt", ca.pem()) + "}",
                 "{name: clientCertFile, value: " + write("tls.crt", client.cert_pem) + "}",
                 "{name: clientKeyFile, value: " + write("tls.key", client.key_pem) + "}"});
  const Ran good = run({"check", file});
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_THAT(good.output, AllOf(HasSubstr("read: passwordFile "), HasSubstr("clientKeyFile "),
                                 Not(HasSubstr("hush"))));
  write("tls.key", ca.client("another").key_pem);
  const Ran wrong = run({"check", file});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.output,
              AllOf(HasSubstr("failed: all: files: clientKeyFile "),
                    HasSubstr("does not belong to the certificate in clientCertFile ")));
}

TEST_F(Check, says_loudly_that_nothing_is_verified) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  MosquittoOptions options;
  options.ca_pem = CertificateAuthority().pem();
  options.server = self_signed_server();
  const Mosquitto broker(options);
  const Ran ran =
      run({"check", component({url(broker), "{name: tlsInsecureSkipVerify, value: true}"})});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output,
              HasSubstr("the broker's certificate is not verified (tlsInsecureSkipVerify)"));
}

TEST_F(Check, takes_no_running_components_connection_or_session) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const std::string file =
      component({url(broker), "{name: consumerID, value: orders}", "{name: qos, value: 1}",
                 "{name: cleanSession, value: 'false'}"});
  EXPECT_EQ(run({"check", file}).code, 0);
  EXPECT_THAT(broker.log(), HasSubstr(" as orders-check-"));
  EXPECT_THAT(broker.log(), Not(HasSubstr(" as orders ")));
}

TEST_F(Check, shows_the_limits_of_an_mqtt5_broker_and_what_contradicts_them) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker({.max_inflight_messages = 5,
                          .extra_lines = {"max_packet_size 2000", "max_qos 1", "max_keepalive 10",
                                          "retain_available false", "max_topic_alias 7"}});
  const std::string file =
      component({url(broker), "{name: protocolVersion, value: '5'}", "{name: qos, value: 2}",
                 "{name: retain, value: 'true'}", "{name: cleanSession, value: 'false'}",
                 "{name: willTopic, value: wills}", "{name: willQos, value: 2}",
                 "{name: willRetain, value: 'true'}", "{name: consumerGroup, value: g}"});
  const Ran ran = run({"check", file});
  EXPECT_EQ(ran.code, 1) << ran.output;
  const auto golden = [&](const std::string& output) {
    return without_chance(output, {std::to_string(broker.port())});
  };
  expect_golden("check_limits.txt", golden(ran.output));
  const Ran json = run({"check", "--json", file});
  EXPECT_EQ(json.code, 1) << json.output;
  expect_golden("check_limits.json", golden(json.output));
  EXPECT_THAT(broker.log(), Not(HasSubstr("Will message specified")));
}

TEST_F(Check, with_mqtt5_keeps_to_what_the_broker_takes) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker({.extra_lines = {"max_packet_size 2000", "max_qos 1"}});
  const Ran ran =
      run({"check", component({url(broker), "{name: protocolVersion, value: '5'}",
                               "{name: qos, value: 1}", "{name: cleanSession, value: 'false'}"})});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, AllOf(HasSubstr("limits the size of packets to 2000 bytes"),
                                HasSubstr("not tried: the broker takes qos 1 at the most"),
                                HasSubstr("kept, with what was sent meanwhile")));
}

TEST_F(Check, tries_the_consumer_group_without_taking_part_in_it) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  for (const std::string version : {"3.1.1", "5"}) {
    const Ran ran = run({"check", component({url(broker), "{name: qos, value: 1}",
                                             "{name: protocolVersion, value: '" + version + "'}",
                                             "{name: consumerGroup, value: workers}"})});
    EXPECT_EQ(ran.code, 0) << ran.output;
    EXPECT_THAT(
        ran.output,
        ContainsRegex("ok    group .* \"\\$share/workers-check-[0-9a-f]+/dapr-mqtt-check/"));
  }
}

TEST_F(Check, says_that_a_broker_of_mqtt311_does_not_offer_mqtt5) {
  constexpr std::size_t kLevel = 8;  // of CONNECT: header, length, "MQTT" with its length
  ScriptedBroker broker;
  ChildProcess check(
      {ComponentProcess::executable(), "check", broker.endpoint().str(), "--timeout", "10s"});
  for (bool asked = false; !asked;) {
    broker.accept();
    const std::string connect = broker.receive();
    if (connect.empty()) continue;  // the step "tcp"
    ASSERT_GT(connect.size(), kLevel);
    asked = connect[kLevel] == 5;
    EXPECT_THAT(connect, HasSubstr("-check-"));
    broker.send(asked ? bytes({0x20, 2, 0, 1}) : bytes({0x20, 2, 0, 0}));
  }
  ASSERT_EQ(check.wait_for_end(std::chrono::seconds(60)), 1);  // it answers nothing else
  EXPECT_THAT(check.final_output(), ContainsRegex("ok    mqtt 5 .*  not offered\n"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
