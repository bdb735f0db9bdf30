// Each transport with each version of MQTT, sessions kept and not.
#include <tuple>

#include "contract/broker_fixture.h"
#include "support/certificates.h"

namespace dapr_mqtt::testing {
namespace {

using core::QoS;
using core::Transport;

struct Case {
  bool websockets;
  bool tls;
};

class Transports
    : public BrokerContract,
      public ::testing::WithParamInterface<std::tuple<Case, core::ProtocolVersion, bool>> {
 protected:
  Transports() { protocol_ = std::get<1>(GetParam()); }
  static Case transport() { return std::get<0>(GetParam()); }
  static bool clean() { return std::get<2>(GetParam()); }

  MosquittoOptions broker_options() const {
    MosquittoOptions options;
    options.websockets = transport().websockets;
    if (transport().tls) {
      options.ca_pem = ca_.pem();
      options.server = ca_.server();
    }
    return options;
  }
  core::ConnectionOptions with(const Mosquitto& broker, const std::string& id) const {
    core::ConnectionOptions options = this->options(broker, id);
    if (transport().tls) options.tls.ca_pem = ca_.pem();
    options.clean_session = clean();
    // The first is away: failover on each transport too.
    options.endpoints.insert(options.endpoints.begin(), options.endpoints.front());
    options.endpoints.front().port = unused_port();
    return options;
  }

  CertificateAuthority ca_;
};

INSTANTIATE_TEST_SUITE_P(Each, Transports,
                         ::testing::Combine(::testing::Values(Case{false, false}, Case{false, true},
                                                              Case{true, false}, Case{true, true}),
                                            ::testing::Values(core::ProtocolVersion::kMqtt311,
                                                              core::ProtocolVersion::kMqtt5),
                                            ::testing::Bool()),
                         [](const auto& instance) {
                           const Case& c = std::get<0>(instance.param);
                           return std::string(c.websockets ? "ws" : "tcp") +
                                  (c.tls ? "_tls_" : "_") +
                                  version_name(std::get<1>(instance.param)) +
                                  (std::get<2>(instance.param) ? "_clean" : "_persistent");
                         });

TEST_P(Transports, Session_is_kept_while_away_exactly_when_it_is_persistent) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(broker_options());
  RecordingListener heard;
  RecordingListener sent;
  RecordingSink sink;
  auto consumer = this->consumer(with(broker, "in"), heard, sink);
  ASSERT_EQ(heard.connected.next(), false) << log_.text();
  ASSERT_TRUE(subscribe(*consumer, "s", QoS::kAtLeastOnce).ok());
  auto publisher = this->publisher(with(broker, "out"), sent);
  ASSERT_TRUE(sent.connected.next());
  consumer->suspend();
  ASSERT_TRUE(broker.wait_for_log("Received DISCONNECT from in"));
  ASSERT_TRUE(publish(*publisher, message("s", "meanwhile", QoS::kAtLeastOnce)).ok());
  consumer->resume();
  ASSERT_EQ(heard.connected.next(), !clean());
  if (clean()) {
    ASSERT_TRUE(subscribe(*consumer, "s", QoS::kAtLeastOnce).ok());
  }
  ASSERT_TRUE(publish(*publisher, message("s", "after", QoS::kAtLeastOnce)).ok());
  if (!clean()) {
    EXPECT_EQ(sink.messages.next()->payload, "meanwhile");
  }
  EXPECT_EQ(sink.messages.next()->payload, "after");
  EXPECT_EQ(sink.messages.size(), 0U);
}

TEST_P(Transports, Broker_that_closes_on_a_publish_is_known_by_it) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  MosquittoOptions options = broker_options();
  options.extra_lines = {"max_packet_size 100000"};
  Mosquitto broker(options);
  std::string many_levels = "l";
  for (int i = 1; i < 202; ++i) many_levels += "/l";
  std::vector<core::OutgoingMessage> bad = {message(many_levels, "x", QoS::kAtLeastOnce),
                                            message(many_levels, "x", QoS::kAtMostOnce)};
  // With MQTT 5 the limit is known, and it is not sent. By WebSocket mosquitto 2.0.11 has no limit.
  if (protocol_ == core::ProtocolVersion::kMqtt311 && !transport().websockets) {
    bad.push_back(message("large", std::string(300'000, 'x'), QoS::kAtLeastOnce));
  }
  RecordingListener sent;
  auto publisher = this->publisher(with(broker, "out"), sent);
  for (const core::OutgoingMessage& one : bad) {
    ASSERT_TRUE(sent.connected.next());
    const base::Status status = publish(*publisher, one);
    EXPECT_TRUE(status.ok() || status.kind() == base::ErrorKind::kUnavailable) << status.message();
    EXPECT_EQ(sent.ends.next(), core::ConnectionEnd::kClosedOnRequest) << log_.text();
  }
  ASSERT_TRUE(sent.connected.next());
  EXPECT_TRUE(publish(*publisher, message("good", "x", QoS::kAtLeastOnce)).ok());
  EXPECT_FALSE(log_.contains("same client ID"));
}

TEST_P(Transports, Broker_that_is_left_gets_a_DISCONNECT_and_is_met_again) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker(broker_options());
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(with(broker, "in"), heard, sink);
  ASSERT_EQ(heard.connected.next(), false) << log_.text();
  ASSERT_TRUE(subscribe(*consumer, "s", QoS::kAtLeastOnce).ok());
  consumer->reconnect(base::unavailable("it owes an answer"));
  const auto cause = heard.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_NE(cause->message().find("it owes an answer"), std::string::npos);
  EXPECT_EQ(heard.ends.next(), core::ConnectionEnd::kOther);
  EXPECT_EQ(heard.connected.next(), !clean());
  EXPECT_TRUE(broker.wait_for_log("Received DISCONNECT from in"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
