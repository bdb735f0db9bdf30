// What MQTT 5 adds: reasons, the broker's limits, properties.
#include <gmock/gmock.h>

#include <algorithm>
#include <semaphore>
#include <string>

#include "contract/broker_fixture.h"
#include "contract/scripted_broker.h"

namespace dapr_mqtt::testing {
namespace {

using base::ErrorKind;
using core::QoS;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Mqtt5 : public BrokerContract {
 protected:
  Mqtt5() { protocol_ = core::ProtocolVersion::kMqtt5; }

  /// A publisher of a broker whose CONNACK has these properties.
  std::unique_ptr<core::BrokerPublisher> connect(ScriptedBroker& broker, RecordingListener& heard,
                                                 const std::string& properties = {}) {
    auto publisher = this->publisher(options_for(broker.endpoint(), "five"), heard);
    broker.accept();
    EXPECT_EQ(broker.receive()[0], 0x10);
    broker.send(connack(0, properties));
    EXPECT_TRUE(heard.connected.next());
    return publisher;
  }
  static std::string connack(int reason, const std::string& properties = {}) {
    const auto length = static_cast<int>(properties.size());
    return bytes({0x20, 3 + length, 0, reason, length}) + properties;
  }
  /// A reason string property.
  static std::string reason_string(const std::string& text) {
    return bytes({31, 0, static_cast<int>(text.size())}) + text;
  }
};

TEST_F(Mqtt5, Each_connack_refusal_has_its_reason_and_remedy) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = this->publisher(options_for(broker.endpoint(), "refused"), heard);
  const std::pair<int, const char*> cases[] = {
      {0x84, "set protocolVersion to \"3.1.1\""},
      {0x85, "client identifier not valid (reason code 0x85): change consumerID, now \"refused\""},
      {0x86, "bad user name or password (reason code 0x86)"},
      {0x87, "not authorized (reason code 0x87)"},
      {0x88, "server unavailable"},
      {0x8A, "banned"},
      {0x9D, "server moved (reason code 0x9D): set url to another server"},
  };
  for (const auto& [code, text] : cases) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);
    broker.send(connack(code));
    const auto cause = heard.disconnected.next();
    ASSERT_TRUE(cause);
    EXPECT_THAT(cause->message(), HasSubstr(text));
    broker.hang_up();
  }
}

TEST_F(Mqtt5, Broker_of_an_older_version_is_an_error_that_names_the_setting) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = this->publisher(options_for(broker.endpoint(), "old"), heard);
  // As MQTT 3.1.1 says "unacceptable protocol version"; many times, since what the
  // client library makes of two bytes must not depend on what its memory held.
  for (int i = 0; i < 20; ++i) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);
    broker.send(bytes({0x20, 2, 0, 1}));
    const auto cause = heard.disconnected.next();
    ASSERT_TRUE(cause);
    EXPECT_EQ(cause->kind(), ErrorKind::kFailedPrecondition);
    EXPECT_THAT(cause->message(), AllOf(HasSubstr("does not speak MQTT 5"),
                                        HasSubstr("protocolVersion to \"3.1.1\"")));
    broker.hang_up();
  }
}

TEST_F(Mqtt5, Connack_without_properties_is_taken_for_one_with_none) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = this->publisher(options_for(broker.endpoint(), "sloppy"), heard);
  for (int i = 0; i < 20; ++i) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);
    broker.send(bytes({0x20, 2, 0, 0}));
    ASSERT_TRUE(heard.connected.next());
    broker.hang_up();
    ASSERT_TRUE(heard.disconnected.next());
  }
}

TEST_F(Mqtt5, Broker_that_hangs_up_on_connect_is_an_error_that_names_the_setting) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = this->publisher(options_for(broker.endpoint(), "old"), heard);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.hang_up();
  const auto cause = heard.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_THAT(cause->message(), HasSubstr("set protocolVersion to \"3.1.1\""));
}

TEST_F(Mqtt5, Session_is_asked_for_as_configured) {
  struct Case {
    bool clean;
    std::optional<seconds> expiry;
    int clean_start;
    std::string properties;
  };
  const Case cases[] = {
      {true, std::nullopt, 0x02, bytes({0})},
      {true, seconds(60), 0x02, bytes({0})},
      {false, std::nullopt, 0x00, bytes({5, 17, 0xFF, 0xFF, 0xFF, 0xFF})},
      {false, seconds(3600), 0x00, bytes({5, 17, 0, 0, 0x0E, 0x10})},
  };
  for (const Case& c : cases) {
    ScriptedBroker broker;
    RecordingListener heard;
    RecordingSink sink;
    auto options = options_for(broker.endpoint(), "five");
    options.clean_session = c.clean;
    options.session_expiry = c.expiry;
    auto consumer = this->consumer(options, heard, sink);
    broker.accept();
    const std::string connect = broker.receive();
    ASSERT_GT(connect.size(), 12U);
    EXPECT_EQ(connect.substr(2, 7), bytes({0, 4, 'M', 'Q', 'T', 'T', 5}));
    EXPECT_EQ(connect[9], c.clean_start);
    EXPECT_EQ(connect.substr(12, c.properties.size()), c.properties);
    broker.send(connack(0));
    EXPECT_TRUE(heard.connected.next());
  }
}

TEST_F(Mqtt5, Refused_publish_has_the_brokers_reason) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = connect(broker, heard);
  Awaited<base::Status> answer;
  ASSERT_TRUE(publisher
                  ->publish(message("t", "x", QoS::kAtLeastOnce),
                            [&](base::Status s) { answer.set(std::move(s)); })
                  .ok());
  const std::string sent = broker.receive();
  ASSERT_EQ(sent.size(), 9U);  // header, length, topic (3), identifier (2), no properties, payload
  const std::string reason = reason_string("quota of Monday");
  const auto length = static_cast<int>(reason.size());
  broker.send(bytes({0x40, 4 + length, sent[5], sent[6], 0x97, length}) + reason);
  const auto refused = answer.next();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->kind(), ErrorKind::kResourceExhausted);
  EXPECT_THAT(refused->message(), AllOf(HasSubstr("\"t\""), HasSubstr("quota exceeded"),
                                        HasSubstr("0x97"), HasSubstr("quota of Monday")));
}

TEST_F(Mqtt5, Forbidden_publish_is_permission_denied_by_mosquitto) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  // 2.0.11 hangs up after a refusal when its queues are unlimited, as they are here.
  Mosquitto broker(
      {.acl = "pattern readwrite allowed/#", .extra_lines = {"max_queued_messages 1000"}});
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  for (const QoS qos : {QoS::kAtLeastOnce, QoS::kExactlyOnce}) {
    const auto status = publish(*publisher, message("forbidden", "x", qos));
    EXPECT_EQ(status.kind(), ErrorKind::kPermissionDenied);
    EXPECT_THAT(status.message(), AllOf(HasSubstr("\"forbidden\""), HasSubstr("0x87"),
                                        HasSubstr("access control list")));
    EXPECT_TRUE(publish(*publisher, message("allowed/x", "x", qos)).ok());
  }
  EXPECT_EQ(sent.disconnected.size(), 0U);
}

TEST_F(Mqtt5, Refused_subscription_has_the_brokers_reason) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(options_for(broker.endpoint(), "c"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(connack(0));
  ASSERT_TRUE(heard.connected.next());
  const std::pair<int, ErrorKind> cases[] = {{0x80, ErrorKind::kInternal},
                                             {0x87, ErrorKind::kPermissionDenied},
                                             {0x8F, ErrorKind::kInvalidArgument},
                                             {0x9E, ErrorKind::kFailedPrecondition}};
  for (const auto& [code, kind] : cases) {
    Awaited<base::Result<QoS>> answer;
    consumer->subscribe(filter("secret/#"), {},
                        [&](base::Result<QoS> r) { answer.set(std::move(r)); });
    const std::string subscribe = broker.receive();
    ASSERT_GE(subscribe.size(), 4U);
    const std::string reason = reason_string("ask Joe");
    const auto length = static_cast<int>(reason.size());
    broker.send(bytes({0x90, 4 + length, subscribe[2], subscribe[3], length}) + reason +
                bytes({code}));
    const auto refused = answer.next();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status().kind(), kind);
    EXPECT_THAT(refused->status().message(),
                AllOf(HasSubstr("\"secret/#\""), HasSubstr("ask Joe")));
  }
}

TEST_F(Mqtt5, Subscribe_options_are_sent) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(options_for(broker.endpoint(), "c"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(connack(0));
  ASSERT_TRUE(heard.connected.next());
  core::SubscribeOptions options;
  options.qos = QoS::kAtLeastOnce;
  options.no_local = true;
  options.retain_as_published = true;
  options.retain_handling = 2;
  consumer->subscribe(filter("a"), options, [](const base::Result<QoS>&) {});
  const std::string subscribe = broker.receive();
  ASSERT_EQ(subscribe.size(), 9U);
  EXPECT_EQ(subscribe.back(), 0x01 | 0x04 | 0x08 | 0x20);
}

TEST_F(Mqtt5, Brokers_disconnect_is_the_cause_with_its_reason) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = connect(broker, heard);
  const std::string reason = reason_string("maintenance");
  const auto length = static_cast<int>(reason.size());
  broker.send(bytes({0xE0, 2 + length, 0x98, length}) + reason);
  const auto cause = heard.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(cause->message(),
              AllOf(HasSubstr(broker.endpoint().str()), HasSubstr("administrative action"),
                    HasSubstr("0x98"), HasSubstr("maintenance")));
}

TEST_F(Mqtt5, Session_taken_over_is_named_with_its_remedy) {
  ScriptedBroker broker;  // mosquitto 2.0.11 closes without a DISCONNECT
  RecordingListener heard;
  auto publisher = connect(broker, heard);
  broker.send(bytes({0xE0, 1, 0x8E}));
  const auto cause = heard.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_THAT(cause->message(),
              AllOf(HasSubstr("session taken over"), HasSubstr("\"five\""), HasSubstr("{uuid}")));
}

TEST_F(Mqtt5, Message_over_the_brokers_maximum_packet_size_is_refused_and_the_largest_is_not) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker({.extra_lines = {"max_packet_size 2000"}});
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  auto properties = std::make_shared<core::MessageProperties>();
  properties->content_type = "text/plain";
  properties->user_properties = {{"a", "b"}, {"c", std::string(200, 'd')}};
  auto largest = message("x", "", QoS::kAtLeastOnce);
  largest.properties = properties;
  // Header and length 3, topic 3, identifier 2, length of the properties 2, content
  // type 13, properties 7 and 206.
  largest.payload = std::string(2000 - 236, 'p');
  const auto taken = publish(*publisher, largest);
  EXPECT_TRUE(taken.ok()) << taken.message();
  largest.payload += 'p';
  const auto refused = publish(*publisher, largest);
  EXPECT_EQ(refused.kind(), ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("2001 bytes"), HasSubstr("at most 2000")));
  EXPECT_EQ(sent.disconnected.size(), 0U);
}

TEST_F(Mqtt5, Receive_maximum_of_the_broker_bounds_the_window) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker({.max_inflight_messages = 3});
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  EXPECT_EQ(publisher->max_in_flight(QoS::kAtLeastOnce), 3U);
  std::counting_semaphore<> room(3);
  std::atomic<int> failed{0};
  for (int i = 0; i < 1000; ++i) {
    room.acquire();
    ASSERT_TRUE(publisher
                    ->publish(message("x", "y", i % 2 == 0 ? QoS::kAtLeastOnce : QoS::kExactlyOnce),
                              [&](base::Status s) {
                                if (!s.ok()) ++failed;
                                room.release();
                              })
                    .ok());
  }
  for (int i = 0; i < 3; ++i) room.acquire();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(sent.disconnected.size(), 0U);
}

TEST_F(Mqtt5, Retain_and_qos_that_the_broker_does_not_have_are_refused_by_name) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = connect(broker, heard, bytes({36, 1, 37, 0}));
  const auto retained = publish(*publisher, message("t", "x", QoS::kAtLeastOnce, true));
  EXPECT_EQ(retained.kind(), ErrorKind::kInvalidArgument);
  EXPECT_THAT(retained.message(), HasSubstr("retain"));
  const auto exact = publish(*publisher, message("t", "x", QoS::kExactlyOnce));
  EXPECT_EQ(exact.kind(), ErrorKind::kInvalidArgument);
  EXPECT_THAT(exact.message(), HasSubstr("qos 1 at most"));
}

TEST_F(Mqtt5, Wildcards_and_shares_that_the_broker_does_not_have_are_refused_by_name) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(options_for(broker.endpoint(), "c"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(connack(0, bytes({40, 0, 42, 0})));
  ASSERT_TRUE(heard.connected.next());
  EXPECT_THAT(subscribe(*consumer, "a/+", QoS::kAtLeastOnce).status().message(),
              HasSubstr("no wildcard subscriptions"));
  EXPECT_THAT(subscribe(*consumer, "$share/g/a", QoS::kAtLeastOnce).status().message(),
              HasSubstr("no shared subscriptions"));
}

TEST_F(Mqtt5, Listener_hears_all_that_connack_says_before_it_is_connected) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher =
      connect(broker, heard, bytes({17, 0, 0,  0x0E, 0x10, 18, 0, 2, 'i', 'd', 33, 0,  5, 34, 0, 7,
                                    36, 1, 37, 0,    39,   0,  0, 4, 0,   40,  0,  41, 0, 42, 0}));
  const auto limits = heard.limits.next();
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->session_expiry, seconds(3600));
  EXPECT_EQ(limits->assigned_client_id, "id");
  EXPECT_EQ(limits->receive_maximum, 5U);
  EXPECT_EQ(limits->topic_alias_maximum, 7U);
  EXPECT_EQ(limits->maximum_qos, QoS::kAtLeastOnce);
  EXPECT_EQ(limits->maximum_packet_size, 1024U);
  EXPECT_FALSE(limits->retain_available);
  EXPECT_FALSE(limits->wildcards_available);
  EXPECT_FALSE(limits->subscription_ids_available);
  EXPECT_FALSE(limits->shared_available);
}

TEST_F(Mqtt5, Receive_maximum_of_ours_is_in_CONNECT) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto options = options_for(broker.endpoint(), "few");
  options.receive_maximum = 300;
  auto consumer = this->consumer(options, heard, sink);
  broker.accept();
  EXPECT_THAT(broker.receive(), HasSubstr(bytes({0x21, 1, 44})));  // section 3.1.2.11.3
}

TEST_F(Mqtt5, Keep_alive_of_the_server_is_used_without_a_second_connect) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto options = options_for(broker.endpoint(), "slow");
  options.keep_alive = seconds(600);
  options.clean_session = false;
  auto consumer = this->consumer(options, heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  // The session is new, and the keep alive one second (0x13, two bytes).
  broker.send(bytes({0x20, 6, 0, 0, 3, 0x13, 0, 1}));
  ASSERT_EQ(heard.connected.next(), false) << "a new session must be reported as new";
  EXPECT_EQ(heard.limits.next()->server_keep_alive, seconds(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(broker.receive(), bytes({0xc0, 0}));
    broker.send(bytes({0xd0, 0}));
  }
  EXPECT_EQ(heard.disconnected.size(), 0U);
}

TEST_F(Mqtt5, Publisher_that_gets_no_answers_asks_for_one_within_the_keep_alive_of_the_server) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto options = options_for(broker.endpoint(), "busy");
  options.keep_alive = seconds(600);
  auto publisher = this->publisher(options, heard);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 6, 0, 0, 3, 0x13, 0, 1}));
  ASSERT_TRUE(heard.connected.next());
  for (int pings = 0; pings < 4;) {
    ASSERT_TRUE(publish(*publisher, message("t", "x", QoS::kAtMostOnce)).ok());
    while (broker.hears_within(std::chrono::milliseconds(100))) {
      const std::string packet = broker.receive();
      ASSERT_FALSE(packet.empty()) << heard.disconnected.next()->message();
      if (packet != bytes({0xc0, 0})) continue;
      broker.send(bytes({0xd0, 0}));
      ++pings;
    }
  }
  EXPECT_EQ(heard.disconnected.size(), 0U);
}

TEST_F(Mqtt5, Broker_that_answers_no_pingreq_of_a_busy_publisher_is_found_too) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto options = options_for(broker.endpoint(), "busy");
  options.keep_alive = seconds(600);
  auto publisher = this->publisher(options, heard);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 6, 0, 0, 3, 0x13, 0, 1}));
  ASSERT_TRUE(heard.connected.next());
  std::optional<base::Status> cause;
  while (!cause) {
    (void)publish(*publisher, message("t", "x", QoS::kAtMostOnce));
    cause = heard.disconnected.next(std::chrono::milliseconds(100));
  }
  EXPECT_THAT(cause->message(), HasSubstr("not even an answer to PINGREQ"));
}

TEST_F(Mqtt5, Broker_that_answers_no_pingreq_is_found_within_its_own_keep_alive) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto options = options_for(broker.endpoint(), "silent");
  options.keep_alive = seconds(600);
  auto publisher = this->publisher(options, heard);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 6, 0, 0, 3, 0x13, 0, 1}));
  ASSERT_TRUE(heard.connected.next());
  EXPECT_EQ(broker.receive(), bytes({0xc0, 0}));
  const auto cause = heard.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_THAT(cause->message(), HasSubstr("not even an answer to PINGREQ"));
}

TEST_F(Mqtt5, Properties_come_through_unchanged) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener heard;
  RecordingListener sent;
  RecordingSink sink;
  auto consumer = this->consumer(options(broker, "in"), heard, sink);
  ASSERT_TRUE(heard.connected.next());
  ASSERT_TRUE(subscribe(*consumer, "p", QoS::kExactlyOnce).ok());
  auto publisher = this->publisher(options(broker, "out"), sent);
  ASSERT_TRUE(sent.connected.next());
  auto properties = std::make_shared<core::MessageProperties>();
  properties->content_type = "text/plain; charset=utf-8";
  properties->response_topic = "answers/here";
  properties->correlation_data = std::string("\0\x01\xFF", 3);
  properties->user_properties = {{"a", "1"}, {"a", "2"}, {"\xC3\xA4", ""}, {"", "\xC3\xA4 ="}};
  properties->expiry = seconds(1000);
  for (const QoS qos : {QoS::kAtMostOnce, QoS::kAtLeastOnce, QoS::kExactlyOnce}) {
    auto outgoing = message("p", "x", qos);
    outgoing.properties = properties;
    ASSERT_TRUE(publish(*publisher, outgoing).ok());
    const auto received = sink.messages.next();
    ASSERT_TRUE(received);
    ASSERT_TRUE(received->properties);
    EXPECT_EQ(received->properties->content_type, properties->content_type);
    EXPECT_EQ(received->properties->response_topic, properties->response_topic);
    EXPECT_EQ(received->properties->correlation_data, properties->correlation_data);
    EXPECT_EQ(received->properties->user_properties, properties->user_properties);
    ASSERT_TRUE(received->properties->expiry);
    EXPECT_LE(*received->properties->expiry, seconds(1000));
    EXPECT_GT(*received->properties->expiry, seconds(500));
  }
  ASSERT_TRUE(publish(*publisher, message("p", "bare", QoS::kAtLeastOnce)).ok());
  EXPECT_EQ(sink.messages.next()->properties, nullptr);
}

TEST_F(Mqtt5, Exactly_once_message_is_taken_once_over_a_break_between_pubrec_and_pubrel) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto options = options_for(broker.endpoint(), "exact");
  options.clean_session = false;
  auto consumer = this->consumer(options, heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(connack(0));
  ASSERT_EQ(heard.connected.next(), false);
  broker.send(bytes({0x34, 9, 0, 1, 't', 0, 9, 0, 'a', 'b', 'c'}));
  EXPECT_EQ(broker.receive()[0], 0x50);
  EXPECT_EQ(sink.messages.next()->payload, "abc");  // with MQTT 5 it is handed over at once
  broker.hang_up();
  ASSERT_TRUE(heard.disconnected.next());

  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 3, 1, 0, 0}));
  ASSERT_EQ(heard.connected.next(), true);
  broker.send(bytes({0x62, 2, 0, 9}));
  EXPECT_EQ(broker.receive()[0], 0x70);
  broker.send(bytes({0x30, 6, 0, 1, 't', 0, 'e', 'n'}));
  EXPECT_EQ(sink.messages.next()->payload, "en");
  EXPECT_EQ(sink.messages.size(), 0U);
}

}  // namespace
}  // namespace dapr_mqtt::testing
