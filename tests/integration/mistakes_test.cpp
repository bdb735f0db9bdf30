// What users of Dapr and of Paho got wrong most often, made on purpose: the first
// line that `validate` or `check` prints names the true cause. Each cites where it
// was reported.
#include <gmock/gmock.h>

#include <fstream>

#include "support/certificates.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Mistakes : public ::testing::Test {
 protected:
  /// The first line of the output, which must come with exit status 1.
  std::string first_line(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ComponentProcess::executable());
    ChildProcess process(arguments);
    EXPECT_EQ(process.wait_for_end(std::chrono::seconds(60)), 1) << process.output();
    const std::string output = process.final_output();
    return output.substr(0, output.find('\n'));
  }
  std::string check(const std::string& target) {
    return first_line({"check", target, "--timeout", "4s"});
  }
  std::string check(const std::map<std::string, std::string>& metadata) {
    return check(write(component(metadata)));
  }
  /// Warnings count, so that a trap is a failure.
  std::string validate(const std::string& text) {
    return first_line({"validate", "--strict", write(text)});
  }

  static std::string component(const std::map<std::string, std::string>& metadata) {
    std::string text =
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: mqtt-pubsub\nspec:\n"
        "  type: pubsub.mqtt\n  version: v1\n  metadata:\n";
    for (const auto& [key, value] : metadata) {
      text += "  - name: " + key + "\n    value: ";
      if (value.find('\n') == std::string::npos) {
        text += "\"" + value + "\"\n";
        continue;
      }
      text += "|\n      ";
      for (const char c : value) text += c == '\n' ? std::string("\n      ") : std::string(1, c);
      text += "\n";
    }
    return text;
  }
  std::string write(const std::string& text) {
    const std::string path = folder_.path() + "/component.yaml";
    std::ofstream(path) << text;
    return path;
  }
  MosquittoOptions tls() const {
    MosquittoOptions options;
    options.ca_pem = ca_.pem();
    options.server = ca_.server();
    return options;
  }

  TemporaryFolder folder_;
  CertificateAuthority ca_;
};

// dapr/dapr#3165: "dial tcp 127.0.0.1:1883: connect: connection refused"
TEST_F(Mistakes, broker_that_is_not_running) {
  EXPECT_THAT(check("tcp://127.0.0.1:" + std::to_string(unused_port())),
              AllOf(HasSubstr("tcp: "), HasSubstr("connection refused (nothing listens there)")));
}

// dapr/quickstarts#1040: "init timeout for component … exceeded after 5s"
TEST_F(Mistakes, host_name_that_does_not_exist) {
  EXPECT_THAT(check("tcp://no-such-broker.invalid:1883"),
              AllOf(HasSubstr("name: "), HasSubstr("host name")));
}

// dapr/dapr#5204: url: "mqtt://brokeraddress:8883" with certificates
TEST_F(Mistakes, plain_url_on_a_tls_port) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker(tls());
  EXPECT_THAT(check("mqtt://127.0.0.1:" + std::to_string(broker.port())),
              AllOf(HasSubstr("connect: "), HasSubstr("is it an MQTT port without TLS?")));
}

// home-assistant/core#27060, the other way round: TLS on a plain listener
TEST_F(Mistakes, tls_url_on_a_plain_port) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  EXPECT_THAT(check("ssl://127.0.0.1:" + std::to_string(broker.port())),
              AllOf(HasSubstr("tls: "), HasSubstr("does not speak TLS")));
}

// eclipse-paho/paho.mqtt.c#1162: "Connect failed, rc Failure" and nothing more
TEST_F(Mistakes, ca_that_did_not_sign_the_brokers_certificate) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker(tls());
  EXPECT_THAT(check({{"url", broker.url()}, {"caCert", CertificateAuthority("another").pem()}}),
              AllOf(HasSubstr("tls: "), HasSubstr("unknown CA"), HasSubstr("caCert")));
}

// eclipse-paho/paho.mqtt.java#687: "No subjectAltNames on the certificate match"
TEST_F(Mistakes, host_name_that_is_not_in_the_certificate) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  MosquittoOptions options = tls();
  options.server = ca_.server_for({"other.example"});
  const Mosquitto broker(options);
  EXPECT_THAT(check({{"url", broker.url()}, {"caCert", ca_.pem()}}),
              AllOf(HasSubstr("is not valid for \"localhost\""),
                    HasSubstr("it is valid for other.example")));
}

// eclipse-paho/paho.mqtt.c#1562: connection error for an expired certificate
TEST_F(Mistakes, certificate_that_has_expired) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  MosquittoOptions options = tls();
  options.server = ca_.expired_server();
  const Mosquitto broker(options);
  EXPECT_THAT(check({{"url", broker.url()}, {"caCert", ca_.pem()}}), HasSubstr("has expired"));
}

// eclipse-paho/paho.mqtt.c#216: "Cannot connect to mosquitto when client certs are mandatory"
TEST_F(Mistakes, client_certificate_that_is_missing) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  MosquittoOptions options = tls();
  options.require_client_certificate = true;
  const Mosquitto broker(options);
  EXPECT_THAT(check({{"url", broker.url()}, {"caCert", ca_.pem()}}),
              HasSubstr("set clientCert and clientKey"));
}

// brocaar/chirpstack-application-server#129 (Paho for Go): "not authorized"
TEST_F(Mistakes, wrong_password) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker({.users = {{"app", "right"}}});
  const std::string line = check("tcp://app:wrong@127.0.0.1:" + std::to_string(broker.port()));
  EXPECT_THAT(line, AllOf(HasSubstr("connect: "), HasSubstr("check username and password")));
  EXPECT_EQ(line.find("wrong@"), std::string::npos);
}

// eclipse-mosquitto/mosquitto#547, #2042, eclipse-paho/paho.mqtt.python#895: what an
// access control list forbids is acknowledged all the same
TEST_F(Mistakes, access_control_list_that_forbids_the_topic) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  for (const char* acl : {"pattern read dapr-mqtt-check/#", "pattern write dapr-mqtt-check/#"}) {
    const Mosquitto broker({.acl = acl});
    EXPECT_THAT(first_line({"check", broker.url(), "--timeout", "1s"}),
                AllOf(HasSubstr("qos 0: "), HasSubstr("did not deliver it"),
                      HasSubstr("access control list"), HasSubstr("--topic")));
  }
}

// dapr/dapr#5184: value: ${{ myLoadedCACert }}, as the documentation had it
TEST_F(Mistakes, placeholder_of_the_documentation_as_certificate) {
  EXPECT_THAT(
      validate(component({{"url", "ssl://broker.example"}, {"caCert", "${{ myLoadedCACert }}"}})),
      AllOf(HasSubstr("component.yaml:10:12: error: caCert: ")));
}

// dapr/components-contrib#589, dapr/dapr#2546: replicas that take each other's connection
TEST_F(Mistakes, one_client_id_for_all_replicas) {
  EXPECT_THAT(
      validate(component({{"url", "tcp://broker.example"}}) +
               "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: orders\nspec:\n"
               "  replicas: 3\n  template:\n    metadata:\n      annotations:\n"
               "        dapr.io/enabled: \"true\"\n        dapr.io/app-id: orders\n"),
      AllOf(HasSubstr("runs 3 replicas"), HasSubstr("{podName}")));
}

// eclipse-paho/paho.mqtt.javascript#146: "How to get offline messages?"
TEST_F(Mistakes, persistent_session_without_qos) {
  EXPECT_THAT(validate(component({{"url", "tcp://broker.example"}, {"cleanSession", "false"}})),
              HasSubstr("set qos to 1 or 2"));
}

// dapr/docs#576: '[username][:password]@host.domain[:port]', without a scheme
TEST_F(Mistakes, url_without_scheme) {
  EXPECT_THAT(validate(component({{"url", "broker.example:1883"}})),
              AllOf(HasSubstr("component.yaml:10:12: error: url: "), HasSubstr("tcp://")));
}

// dapr/dapr#5204 again: keys that the component does not know
TEST_F(Mistakes, key_with_a_slip_in_it) {
  EXPECT_THAT(validate(component({{"url", "tcp://broker.example"}, {"backOffMaxRetry", "3"}})),
              HasSubstr("did you mean backOffMaxRetries?"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
