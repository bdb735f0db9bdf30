// The promises of core/broker.h when the broker is away, breaks connections or hangs.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "contract/broker_fixture.h"
#include "contract/scripted_broker.h"

namespace dapr_mqtt::testing {
namespace {

using base::ErrorKind;
using core::QoS;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(BrokerContract, Refused_connection_is_named_when_nobody_listens) {
  RecordingListener sent;
  const core::Endpoint nowhere = tcp_at("127.0.0.1", unused_port());
  auto publisher = this->publisher(options_for(nowhere, "x"), sent);
  const auto cause = sent.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(cause->message(), AllOf(HasSubstr(nowhere.str()), HasSubstr("connection refused")));
}

TEST_F(BrokerContract, Unknown_host_name_is_named) {
  RecordingListener sent;
  auto publisher = this->publisher(options_for(tcp_at("no-such-host.invalid"), "x"), sent);
  const auto cause = sent.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(cause->message(), AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("host name")));
}

TEST_F(BrokerContract, Every_endpoint_is_named_with_its_cause_when_all_fail) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker({.users = {{"user", "right"}}});
  RecordingListener sent;
  auto options = this->options(broker);
  options.username = "user";
  options.password = base::Secret("wrong-secret");
  options.endpoints.insert(options.endpoints.begin(), tcp_at("127.0.0.1", unused_port()));
  auto publisher = this->publisher(options, sent);
  const auto cause = sent.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(cause->message(),
              AllOf(HasSubstr(options.endpoints[0].str()), HasSubstr("connection refused"),
                    HasSubstr(options.endpoints[1].str()), HasSubstr("password")));
  EXPECT_THAT(log_.text(), ::testing::Not(HasSubstr("wrong-secret")));
}

// RabbitMQ does so.
TEST_F(BrokerContract, Publish_of_qos_2_that_the_broker_takes_as_one_of_qos_1_is_done) {
  ScriptedBroker broker;
  RecordingListener sent;
  auto publisher = this->publisher(options_for(broker.endpoint(), "lowered"), sent);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 2, 0, 0}));
  ASSERT_TRUE(sent.connected.next());
  for (const char first : {'a', 'b'}) {
    auto answer = std::make_shared<Awaited<base::Status>>();
    ASSERT_TRUE(publisher
                    ->publish(message("t", std::string(1, first), QoS::kExactlyOnce),
                              [answer](base::Status s) { answer->set(std::move(s)); })
                    .ok());
    const std::string publish = broker.receive();  // and no PUBREL of the one before
    ASSERT_EQ(publish.size(), 8U);
    ASSERT_EQ(publish[0], 0x34);
    broker.send(bytes({0x40, 2, publish[5], publish[6]}));
    const auto status = answer->next();
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->ok()) << status->message();
  }
}

TEST_F(BrokerContract, Slow_broker_behind_a_silent_one_is_reached_in_the_background) {
  ScriptedBroker silent;  // accepts, and never answers
  ScriptedBroker slow;
  RecordingListener sent;
  auto options = options_for(silent.endpoint(), "slow");
  options.endpoints.push_back(slow.endpoint());
  options.connect_timeout = std::chrono::milliseconds(2400);
  auto publisher = this->publisher(options, sent);
  // Longer than one URL's share of an attempt's time, and shorter than the whole attempt.
  constexpr std::chrono::milliseconds kTakes{1400};
  bool first = true;
  do {
    slow.accept();
    ASSERT_FALSE(slow.receive().empty());  // CONNECT
    if (std::exchange(first, false)) {
      EXPECT_TRUE(slow.hears_within(kTakes)) << "the first attempt is over in connectTimeout";
      ASSERT_TRUE(sent.disconnected.next());
    }
  } while (slow.hears_within(kTakes));
  slow.send(bytes({0x20, 2, 0, 0}));
  EXPECT_TRUE(sent.connected.next());
}

TEST_F(BrokerContract, First_attempt_has_its_own_time_and_later_ones_the_whole) {
  ScriptedBroker broker;
  RecordingListener sent;
  auto options = options_for(broker.endpoint(), "first");
  options.connect_timeout = kPatience;
  options.first_connect_timeout = std::chrono::milliseconds(200);
  auto publisher = this->publisher(options, sent);
  broker.accept();
  ASSERT_FALSE(broker.receive().empty());  // CONNECT
  ASSERT_TRUE(sent.disconnected.next());
  broker.accept();
  ASSERT_FALSE(broker.receive().empty());
  EXPECT_FALSE(broker.hears_within(3 * *options.first_connect_timeout)) << "it has given up";
  broker.send(bytes({0x20, 2, 0, 0}));
  EXPECT_TRUE(sent.connected.next());
}

TEST_F(BrokerContract, Next_endpoint_is_taken_when_the_first_is_away) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto options = this->options(broker);
  options.endpoints.insert(options.endpoints.begin(), tcp_at("127.0.0.1", unused_port()));
  auto publisher = this->publisher(options, sent);
  EXPECT_TRUE(sent.connected.next());
  EXPECT_EQ(sent.disconnected.size(), 0U);
}

TEST_P(BothVersions, Password_is_what_decides) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker({.users = {{"user", "right"}}});
  auto options = this->options(broker);
  {
    RecordingListener anonymous;
    auto publisher = this->publisher(options, anonymous);
    EXPECT_EQ(anonymous.disconnected.next()->kind(), ErrorKind::kUnauthenticated);
  }
  options.username = "user";
  options.password = base::Secret("right");
  RecordingListener sent;
  auto publisher = this->publisher(options, sent);
  EXPECT_TRUE(sent.connected.next());
}

TEST_F(BrokerContract, Broker_that_hangs_is_reported_within_the_timeout) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  broker.suspend();
  RecordingListener sent;
  auto options = this->options(broker);
  options.connect_timeout = std::chrono::milliseconds(1000);
  auto publisher = this->publisher(options, sent);
  // Attempts do not pile up. The one promise about time here: generous, for one of
  // several, since the machine may be busy, and Paho alone would take 3 to 6 s.
  auto quickest = std::chrono::steady_clock::duration::max();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto begun = std::chrono::steady_clock::now();
    const auto cause = sent.disconnected.next();
    ASSERT_TRUE(cause);
    quickest = std::min(quickest, std::chrono::steady_clock::now() - begun);
    EXPECT_EQ(cause->kind(), ErrorKind::kUnavailable);
    EXPECT_THAT(cause->message(), HasSubstr("does not answer MQTT CONNECT"));
  }
  EXPECT_LT(quickest, std::chrono::milliseconds(2500));
  // When the broker wakes, one of them succeeds.
  broker.resume();
  EXPECT_TRUE(sent.connected.next());
}

TEST_P(BothVersions, Object_can_go_while_it_connects) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  for (int i = 0; i < 30; ++i) {
    RecordingListener sent;
    publisher(options(broker, "fleeting"), sent);
  }
  broker.suspend();
  for (int i = 0; i < 5; ++i) {
    RecordingListener sent;
    auto hanging = publisher(options(broker, "fleeting"), sent);
    close(*hanging);
  }
  RecordingListener sent;
  publisher(options_for(tcp_at("no-such-host.invalid"), "x"), sent);
}

TEST_P(BothVersions, Open_publishes_are_unavailable_exactly_once_when_the_broker_dies) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  broker.suspend();
  Awaited<base::Status> answers;
  const std::size_t window = publisher->max_in_flight(QoS::kAtLeastOnce);
  for (std::size_t i = 0; i < window; ++i) {
    ASSERT_TRUE(publisher
                    ->publish(message("x", std::string(50'000, 'x'), QoS::kAtLeastOnce),
                              [&](base::Status s) { answers.set(std::move(s)); })
                    .ok());
  }
  broker.kill();
  for (std::size_t i = 0; i < window; ++i) {
    const auto answer = answers.next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind(), ErrorKind::kUnavailable);
  }
  EXPECT_TRUE(sent.disconnected.next());
  publisher.reset();
  EXPECT_EQ(answers.size(), 0U);
}

TEST_F(BrokerContract,
       Open_publishes_are_cancelled_before_closed_when_closed_under_a_hanging_broker) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  broker.suspend();
  Awaited<std::string> events;
  ASSERT_TRUE(
      publisher
          ->publish(message("x", std::string(8U << 20U, 'x'), QoS::kAtLeastOnce),
                    [&](base::Status s) { events.set(std::string(base::to_string(s.kind()))); })
          .ok());
  publisher->close([&] { events.set("closed"); });
  EXPECT_EQ(events.next(), "CANCELLED");
  EXPECT_EQ(events.next(), "closed");
}

TEST_P(BothVersions, Large_messages_are_taken_a_few_mebibytes_at_a_time) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  broker.suspend();
  Awaited<base::Status> answers;
  const auto publish_large = [&] {
    return publisher->publish(message("x", std::string(3U << 20U, 'x'), QoS::kAtLeastOnce),
                              [&](base::Status s) { answers.set(std::move(s)); });
  };
  ASSERT_TRUE(publish_large().ok());
  EXPECT_EQ(publish_large().kind(), ErrorKind::kResourceExhausted);
  broker.resume();
  ASSERT_TRUE(answers.next()->ok());
  EXPECT_TRUE(publish_large().ok());
  EXPECT_TRUE(answers.next()->ok());
}

TEST_P(BothVersions, Connection_comes_back_by_itself_when_the_broker_does) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  broker.kill();
  const auto cause = sent.disconnected.next();
  ASSERT_TRUE(cause);
  EXPECT_THAT(cause->message(), AllOf(HasSubstr(broker.url()), HasSubstr("the connection broke")));
  ASSERT_TRUE(sent.disconnected.next());  // refused
  broker.start();
  ASSERT_TRUE(sent.connected.next());
  EXPECT_TRUE(publish(*publisher, message("x", "y", QoS::kAtLeastOnce)).ok());
  EXPECT_TRUE(log_.contains("next try in"));
}

TEST_P(BothVersions, Hanging_broker_is_found_by_the_keep_alive) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto options = this->options(broker);
  options.keep_alive = std::chrono::seconds(1);
  auto publisher = this->publisher(options, sent);
  ASSERT_TRUE(sent.connected.next());
  broker.suspend();
  EXPECT_TRUE(sent.disconnected.next());
}

TEST_F(BrokerContract, Slow_link_is_not_mistaken_for_a_silent_broker) {
  ScriptedBroker broker;
  broker.set_receive_buffer(64 << 10);
  RecordingListener sent;
  auto options = options_for(broker.endpoint(), "slow");
  options.keep_alive = std::chrono::seconds(1);
  auto publisher = this->publisher(options, sent);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(bytes({0x20, 2, 0, 0}));
  ASSERT_TRUE(sent.connected.next());
  constexpr std::size_t kPart = 256U << 10U;
  constexpr std::size_t kParts = 16;  // of 150 ms: more than 1.5 keep alives
  // The fixed header has five bytes; topic and packet identifier have five too.
  const std::string payload(kParts * kPart - 10, 'x');
  Awaited<base::Status> done;
  ASSERT_TRUE(publisher
                  ->publish(message("t", payload, QoS::kAtLeastOnce),
                            [&](const base::Status& status) { done.set(status); })
                  .ok());
  std::string head;
  for (std::size_t i = 0; i < kParts; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));  // the link's pace
    const std::string part = broker.read(kPart);
    ASSERT_EQ(part.size(), kPart) << sent.disconnected.next()->message();
    if (head.empty()) head = part.substr(0, 10);
  }
  broker.send(bytes({0x40, 2}) + head.substr(8, 2));
  const auto status = done.next();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->ok()) << status->message();
  EXPECT_EQ(sent.disconnected.size(), 0U);
}

TEST_P(BothVersions, Session_of_a_persistent_consumer_survives_the_brokers_restart) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker({.persistence = true});
  RecordingListener heard;
  RecordingSink sink;
  auto options = this->options(broker, "durable");
  options.clean_session = false;
  auto consumer = this->consumer(options, heard, sink);
  EXPECT_EQ(heard.connected.next(), false);
  ASSERT_TRUE(subscribe(*consumer, "s", QoS::kAtLeastOnce).ok());
  broker.restart();
  EXPECT_TRUE(heard.disconnected.next());
  EXPECT_EQ(heard.connected.next(), true);
  RecordingListener sent;
  auto publisher = this->publisher(this->options(broker, "out"), sent);
  ASSERT_TRUE(sent.connected.next());
  ASSERT_TRUE(publish(*publisher, message("s", "after", QoS::kAtLeastOnce)).ok());
  EXPECT_EQ(sink.messages.next()->payload, "after");
}

TEST_P(BothVersions, Suspended_consumer_gets_what_came_meanwhile_when_resumed) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener heard;
  RecordingListener sent;
  RecordingSink sink;
  auto options = this->options(broker, "pausing");
  options.clean_session = false;
  auto consumer = this->consumer(options, heard, sink);
  ASSERT_TRUE(heard.connected.next());
  ASSERT_TRUE(subscribe(*consumer, "s", QoS::kAtLeastOnce).ok());
  auto publisher = this->publisher(this->options(broker, "out"), sent);
  ASSERT_TRUE(sent.connected.next());
  consumer->suspend();
  consumer->suspend();
  ASSERT_TRUE(broker.wait_for_log("Received DISCONNECT from pausing"));
  ASSERT_TRUE(publish(*publisher, message("s", "meanwhile", QoS::kAtLeastOnce)).ok());
  consumer->resume();
  consumer->resume();
  EXPECT_EQ(heard.connected.next(), true);
  EXPECT_EQ(sink.messages.next()->payload, "meanwhile");
  EXPECT_EQ(heard.disconnected.size(), 0U);
}

TEST_P(BothVersions, Log_names_the_probable_cause_when_two_clients_share_an_id) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener first;
  RecordingListener second;
  auto one = publisher(options(broker, "twin"), first);
  auto two = publisher(options(broker, "twin"), second);
  for (;;) {
    const auto cause = first.disconnected.next();
    ASSERT_TRUE(cause);
    if (cause->message().find("another client with the same client ID \"twin\"") !=
        std::string::npos) {
      EXPECT_THAT(cause->message(), HasSubstr("{uuid}"));
      break;
    }
  }
  EXPECT_TRUE(log_.contains("another client with the same client ID"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
