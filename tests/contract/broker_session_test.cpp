// What only a broker that follows a script can show.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <semaphore>
#include <string>

#include "contract/broker_fixture.h"
#include "contract/scripted_broker.h"
#include "mqtt/paho_shims.h"

namespace dapr_mqtt::testing {
namespace {

using core::QoS;

const std::string kConnackNew = bytes({0x20, 2, 0, 0});
const std::string kConnackResumed = bytes({0x20, 2, 1, 0});
const std::string kPublishExactlyOnce = bytes({0x34, 8, 0, 1, 't', 0, 9, 'a', 'b', 'c'});
const std::string kPubrec = bytes({0x50, 2, 0, 9});
const std::string kPubrel = bytes({0x62, 2, 0, 9});
const std::string kPubcomp = bytes({0x70, 2, 0, 9});

TEST_F(BrokerContract, Exactly_once_message_survives_a_break_between_pubrec_and_pubrel) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto options = options_for(broker.endpoint(), "exact");
  options.clean_session = false;
  auto consumer = this->consumer(options, heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);  // CONNECT
  broker.send(kConnackNew);
  ASSERT_EQ(heard.connected.next(), false);
  broker.send(kPublishExactlyOnce);
  EXPECT_EQ(broker.receive(), kPubrec);
  broker.hang_up();
  ASSERT_TRUE(heard.disconnected.next());

  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(kConnackResumed);
  ASSERT_EQ(heard.connected.next(), true);
  EXPECT_EQ(sink.messages.size(), 0U) << "not released yet (MQTT-4.3.3)";
  broker.send(kPubrel);  // the broker never sends the body again
  const auto message = sink.messages.next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->topic, "t");
  EXPECT_EQ(message->payload, "abc");
  EXPECT_EQ(message->qos, QoS::kExactlyOnce);
  EXPECT_EQ(broker.receive(), kPubcomp);
  EXPECT_EQ(sink.messages.size(), 0U);
}

/// Does not let go of what came in until it may.
class SlowSink final : public core::MessageSink {
 public:
  void on_message(core::IncomingMessage message) noexcept override {
    messages.set(std::move(message));
  }
  void secure() noexcept override {
    begun.set(true);
    static_cast<void>(may_end.next());
  }

  Awaited<core::IncomingMessage> messages;
  Awaited<bool> begun;
  Awaited<bool> may_end;
};

TEST_F(BrokerContract, Broker_gets_no_acknowledgement_before_the_messages_are_secured) {
  ScriptedBroker broker;
  SlowSink sink;
  RecordingListener heard;
  const auto consumer = this->consumer(options_for(broker.endpoint(), "acks"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);  // CONNECT
  broker.send(kConnackNew);
  ASSERT_TRUE(heard.connected.next());
  std::string publishes;
  for (const int id : {1, 2, 3}) publishes += bytes({0x32, 6, 0, 1, 't', 0, id, 'x'});
  broker.send(publishes);
  ASSERT_TRUE(sink.begun.next());
  EXPECT_FALSE(broker.readable());
  sink.may_end.set(true);
  for (const int id : {1, 2, 3}) EXPECT_EQ(broker.receive(), bytes({0x40, 2, 0, id}));
  EXPECT_EQ(sink.messages.size(), 3U);
  EXPECT_EQ(sink.begun.size(), 0U) << "once for all three";
  sink.may_end.set(true);
}

TEST_F(BrokerContract, Each_connack_refusal_has_its_own_message) {
  ScriptedBroker broker;
  RecordingListener heard;
  auto publisher = this->publisher(options_for(broker.endpoint(), "refused"), heard);
  const std::pair<int, const char*> cases[] = {{1, "protocol version"},
                                               {2, "client identifier \"refused\""},
                                               {3, "server unavailable"},
                                               {4, "bad user name or password"},
                                               {5, "not authorized"}};
  for (const auto& [code, text] : cases) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);
    broker.send(bytes({0x20, 2, 0, code}));
    const auto cause = heard.disconnected.next();
    ASSERT_TRUE(cause);
    EXPECT_THAT(cause->message(), ::testing::HasSubstr(text));
    broker.hang_up();
  }
}

TEST_F(BrokerContract, Refused_subscription_is_permission_denied) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(options_for(broker.endpoint(), "c"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(kConnackNew);
  ASSERT_TRUE(heard.connected.next());
  Awaited<base::Result<QoS>> answer;
  consumer->subscribe(filter("secret/#"), {},
                      [&](base::Result<QoS> r) { answer.set(std::move(r)); });
  const std::string subscribe = broker.receive();
  ASSERT_GE(subscribe.size(), 4U);
  broker.send(bytes({0x90, 3, subscribe[2], subscribe[3], 0x80}));
  const auto refused = answer.next();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status().kind(), base::ErrorKind::kPermissionDenied);
  EXPECT_THAT(refused->status().message(), ::testing::HasSubstr("\"secret/#\""));
}

TEST_F(BrokerContract, Subscription_is_unavailable_when_the_connection_breaks_first) {
  ScriptedBroker broker;
  RecordingListener heard;
  RecordingSink sink;
  auto consumer = this->consumer(options_for(broker.endpoint(), "c"), heard, sink);
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(kConnackNew);
  ASSERT_TRUE(heard.connected.next());
  Awaited<base::ErrorKind> answers;
  consumer->subscribe(filter("a"), {},
                      [&](base::Result<QoS> r) { answers.set(r.status().kind()); });
  consumer->unsubscribe(filter("b"), [&](base::Status s) { answers.set(s.kind()); });
  ASSERT_NE(broker.receive(), "");
  broker.hang_up();
  EXPECT_EQ(answers.next(), base::ErrorKind::kUnavailable);
  EXPECT_EQ(answers.next(), base::ErrorKind::kUnavailable);
}

TEST_F(BrokerContract, Every_one_of_many_publishes_made_one_at_a_time_is_answered) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  Mosquitto broker;
  RecordingListener sent;
  auto publisher = this->publisher(options(broker), sent);
  ASSERT_TRUE(sent.connected.next());
  // Without the remembered signal, one in some 15,000 of these takes a second; a
  // unit test of the shims shows that it is remembered, this one how often it was.
  constexpr int kPublishes = 20'000;
  const auto remembered_before = mqtt::shims::counters().signals_remembered;
  std::chrono::steady_clock::duration slowest{};
  std::binary_semaphore answered(0);
  int failed = 0;
  for (int i = 0; i < kPublishes; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(publisher
                    ->publish(message("one", "x", QoS::kAtLeastOnce),
                              [&](base::Status s) {
                                if (!s.ok()) ++failed;
                                answered.release();
                              })
                    .ok());
    answered.acquire();
    slowest = std::max(slowest, std::chrono::steady_clock::now() - begun);
  }
  EXPECT_EQ(failed, 0);
  RecordProperty(
      "slowest_ms",
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count()));
  RecordProperty("signals_remembered",
                 static_cast<int>(mqtt::shims::counters().signals_remembered - remembered_before));
}

}  // namespace
}  // namespace dapr_mqtt::testing
