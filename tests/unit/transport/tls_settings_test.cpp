// tlsServerName, tlsMinVersion, tlsInsecureSkipVerify and ALPN, as an OpenSSL server sees them.
#include <gmock/gmock.h>

#include "dapr_mqtt/transport/dialer.h"
#include "tls_server.h"
#include "transport/alpn.h"

namespace dapr_mqtt::transport {
namespace {

using ::testing::AllOf;
using testing::CertificateAuthority;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::soon;
using testing::TlsServer;
using testing::TlsServerOptions;

class TlsSettings : public ::testing::Test {
 protected:
  base::Status dial(TlsServerOptions server_options) {
    TlsServer server(server_options);
    core::Endpoint endpoint;
    endpoint.transport = core::Transport::kTls;
    endpoint.host = "127.0.0.1";
    endpoint.port = server.port();
    DialObserver observer;
    observer.end = [this](const DialStep& step) { step_ = step; };
    Dialer dialer(endpoint, options_, resolver_, cancel_, observer);
    Dialled dialled = dialer.next(soon());
    certificate_end_ = dialled.certificate_end;
    dialled.stream.reset();
    asked_for_ = server.server_name().next().value_or("?");
    return dialled.status;
  }

  const CertificateAuthority ca_;
  core::ConnectionOptions options_;
  Resolver resolver_;
  Cancel cancel_;
  DialStep step_;
  std::string asked_for_;
  std::optional<std::time_t> certificate_end_;
};

TEST_F(TlsSettings, Server_name_is_asked_for_and_verified) {
  options_.tls.ca_pem = ca_.pem();
  TlsServerOptions server;
  server.identity = ca_.server_for({"broker.example"});
  EXPECT_THAT(dial(server).message(),
              AllOf(HasSubstr("host name mismatch"), HasSubstr("set tlsServerName")));
  options_.tls.server_name = "broker.example";
  EXPECT_TRUE(dial(server).ok());
  EXPECT_EQ(asked_for_, "broker.example");
  EXPECT_GT(certificate_end_.value_or(0), 0);
  options_.tls.server_name = "other.example";
  EXPECT_THAT(dial(server).message(), HasSubstr("is not valid for \"other.example\""));
}

TEST_F(TlsSettings, Lowest_version_is_kept_to) {
  options_.tls.ca_pem = ca_.pem();
  TlsServerOptions server;
  server.identity = ca_.server();
  server.max_version = TLS1_2_VERSION;
  EXPECT_TRUE(dial(server).ok());
  options_.tls.min_version = core::TlsVersion::k13;
  EXPECT_THAT(dial(server).message(), HasSubstr("tlsMinVersion"));
}

TEST_F(TlsSettings, Without_verification_anybody_is_taken_and_the_step_warns) {
  TlsServerOptions server;
  server.identity = testing::self_signed_server();
  EXPECT_FALSE(dial(server).ok());
  options_.tls.skip_verify = true;
  EXPECT_TRUE(dial(server).ok());
  EXPECT_THAT(step_.warning, HasSubstr("tlsInsecureSkipVerify"));
}

TEST_F(TlsSettings, Own_cas_beside_the_systems_are_trusted) {
  options_.tls.ca_pem = ca_.pem();
  options_.tls.system_cas_too = true;
  TlsServerOptions server;
  server.identity = ca_.server();
  EXPECT_TRUE(dial(server).ok());
}

TEST_F(TlsSettings, Alpn_is_offered_and_a_refusal_names_the_setting) {
  options_.tls.ca_pem = ca_.pem();
  options_.tls.alpn = {"other", "mqtt"};
  TlsServerOptions server;
  server.identity = ca_.server();
  server.alpn = "mqtt";
  EXPECT_TRUE(dial(server).ok());
  EXPECT_THAT(step_.seen, HasSubstr("ALPN \"mqtt\""));
  server.alpn = "x-amzn-mqtt-ca";
  EXPECT_THAT(dial(server).message(),
              AllOf(HasSubstr("none of the offered protocols (ALPN) \"other,mqtt\""),
                    HasSubstr("check alpn")));
}

TEST_F(TlsSettings, Aws_gets_its_alpn_on_port_443_by_itself) {
  core::Endpoint endpoint;
  endpoint.transport = core::Transport::kTls;
  endpoint.host = "abc-ats.iot.eu-west-1.AMAZONAWS.com";
  endpoint.port = 443;
  EXPECT_THAT(alpn_for(endpoint, {}), ElementsAre("x-amzn-mqtt-ca"));
  core::TlsMaterial own;
  own.alpn = {"mqtt"};
  EXPECT_THAT(alpn_for(endpoint, own), ElementsAre("mqtt"));
  endpoint.port = 8883;
  EXPECT_THAT(alpn_for(endpoint, {}), IsEmpty());
  endpoint.port = 443;
  endpoint.transport = core::Transport::kWebSocketTls;
  EXPECT_THAT(alpn_for(endpoint, {}), IsEmpty());
  endpoint.transport = core::Transport::kTls;
  endpoint.host = "broker.example";
  EXPECT_THAT(alpn_for(endpoint, {}), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::transport
