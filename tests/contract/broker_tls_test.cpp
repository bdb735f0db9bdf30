// TLS: each configuration mistake has its own error text.
#include <gmock/gmock.h>

#include "contract/broker_fixture.h"

namespace dapr_mqtt::testing {
namespace {

using base::ErrorKind;
using core::QoS;
using ::testing::HasSubstr;

class TlsContract : public BrokerContract {
 protected:
  static const CertificateAuthority& ca() {
    static const CertificateAuthority authority;
    return authority;
  }
  static MosquittoOptions tls(const Identity& server) {
    MosquittoOptions options;
    options.ca_pem = ca().pem();
    options.server = server;
    return options;
  }
  core::ConnectionOptions trusting(const Mosquitto& broker) const {
    auto options = this->options(broker);
    options.tls.ca_pem = ca().pem();
    return options;
  }
  static void use(core::ConnectionOptions& options, const Identity& client) {
    options.tls.cert_pem = client.cert_pem;
    options.tls.key_pem = base::Secret(client.key_pem);
  }
  base::Status why_not(const core::ConnectionOptions& options) {
    RecordingListener sent;
    auto publisher = this->publisher(options, sent);
    auto cause = sent.disconnected.next();
    EXPECT_EQ(sent.connected.size(), 0U);
    return cause.value_or(base::internal_error("no answer"));
  }
  void connects(const core::ConnectionOptions& options) {
    RecordingListener sent;
    auto publisher = this->publisher(options, sent);
    ASSERT_TRUE(sent.connected.next()) << log_.text();
    EXPECT_TRUE(
        publish(*publisher, message("t", std::string(1U << 20U, 't'), QoS::kAtLeastOnce)).ok());
  }
};

TEST_F(TlsContract, Messages_go_through_tls) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server()));
  connects(trusting(broker));
  auto by_address = trusting(broker);
  by_address.endpoints[0].host = "127.0.0.1";
  connects(by_address);
}

TEST_F(TlsContract, Messages_go_through_tls_with_mqtt5_and_the_next_endpoint_is_tried) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  protocol_ = core::ProtocolVersion::kMqtt5;
  Mosquitto broker(tls(ca().server()));
  auto options = trusting(broker);
  options.endpoints.insert(options.endpoints.begin(), tcp_at("127.0.0.1", unused_port()));
  connects(options);
  broker.stop();
  EXPECT_EQ(why_not(trusting(broker)).kind(), ErrorKind::kUnavailable);
}

TEST_F(TlsContract, Large_payload_goes_through_tls_both_ways) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server()));
  RecordingListener heard;
  RecordingListener sent;
  RecordingSink sink;
  auto in = trusting(broker);
  in.client_id = "in";
  auto consumer = this->consumer(in, heard, sink);
  ASSERT_TRUE(heard.connected.next());
  ASSERT_TRUE(subscribe(*consumer, "big", QoS::kAtLeastOnce).ok());
  auto publisher = this->publisher(trusting(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  std::string payload(16U << 20U, 'a');
  for (std::size_t i = 0; i < payload.size(); i += 997) payload[i] = static_cast<char>(i);
  ASSERT_TRUE(publish(*publisher, message("big", payload, QoS::kAtLeastOnce)).ok());
  EXPECT_TRUE(sink.messages.next()->payload == payload);
}

TEST_F(TlsContract, Mutual_tls_connects_with_the_right_client_certificate) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  auto config = tls(ca().server());
  config.require_client_certificate = true;
  Mosquitto broker(config);
  auto options = trusting(broker);
  use(options, ca().client());
  connects(options);
}

TEST_F(TlsContract, Unknown_ca_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server()));
  auto options = trusting(broker);
  options.tls.ca_pem = CertificateAuthority("another CA").pem();
  const auto wrong = why_not(options);
  EXPECT_EQ(wrong.kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(wrong.message(), HasSubstr("signed by an unknown CA"));
  options.tls.ca_pem.clear();  // the system's
  EXPECT_THAT(why_not(options).message(), HasSubstr("set caCert"));
}

TEST_F(TlsContract, Self_signed_certificate_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(self_signed_server()));
  EXPECT_THAT(why_not(trusting(broker)).message(), HasSubstr("self-signed"));
}

TEST_F(TlsContract, Expired_certificate_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().expired_server()));
  EXPECT_THAT(why_not(trusting(broker)).message(), HasSubstr("has expired"));
}

TEST_F(TlsContract, Host_name_mismatch_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server_for({"other.example"})));
  const auto cause = why_not(trusting(broker));
  EXPECT_THAT(cause.message(), HasSubstr("host name mismatch"));
  EXPECT_THAT(cause.message(), HasSubstr("\"localhost\""));
}

struct TlsVersion {
  const char* name;
  const char* line;
};
class ClientCertificate : public TlsContract, public ::testing::WithParamInterface<TlsVersion> {};
INSTANTIATE_TEST_SUITE_P(Tls, ClientCertificate,
                         ::testing::Values(TlsVersion{"v12", "tls_version tlsv1.2"},
                                           TlsVersion{"v13", "tls_version tlsv1.3"}),
                         [](const auto& param) { return param.param.name; });

TEST_P(ClientCertificate, Missing_or_wrong_one_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  auto config = tls(ca().server());
  config.require_client_certificate = true;
  config.extra_lines = {GetParam().line};
  Mosquitto broker(config);
  auto options = trusting(broker);
  const auto missing = why_not(options);
  EXPECT_EQ(missing.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(missing.message(), HasSubstr("set clientCert and clientKey")) << broker.log();

  use(options, CertificateAuthority("another CA").client());
  const auto foreign = why_not(options);
  EXPECT_EQ(foreign.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(foreign.message(), HasSubstr("rejects the client certificate"));

  use(options, ca().expired_client());
  EXPECT_THAT(why_not(options).message(), HasSubstr("it has expired"));
}

TEST_F(TlsContract, Plain_port_is_named_when_asked_for_tls) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  auto options = this->options(broker);
  options.endpoints[0].transport = core::Transport::kTls;
  EXPECT_THAT(why_not(options).message(), HasSubstr("speak TLS"));
}

TEST_F(TlsContract, Tls_port_is_hinted_at_when_asked_for_plain_mqtt) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server()));
  auto options = this->options(broker);
  options.endpoints[0].transport = core::Transport::kTcp;
  EXPECT_THAT(why_not(options).message(), HasSubstr("without TLS"));
}

TEST_F(TlsContract, Hanging_tls_broker_is_named) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(tls(ca().server()));
  broker.suspend();
  auto options = trusting(broker);
  options.connect_timeout = std::chrono::milliseconds(800);
  EXPECT_THAT(why_not(options).message(), HasSubstr("does not answer the TLS handshake"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
