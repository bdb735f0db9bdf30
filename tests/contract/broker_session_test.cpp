// Promises that only a scripted broker can test.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "contract/broker_fixture.h"
#include "contract/scripted_broker.h"
#include "mqtt/memory_packets.h"
#include "mqtt/send_thread.h"

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
  const auto message = sink.messages.next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->topic, "t");
  EXPECT_EQ(message->payload, "abc");
  EXPECT_EQ(message->qos, QoS::kExactlyOnce);
  EXPECT_EQ(broker.receive(), kPubrec);
  broker.hang_up();
  ASSERT_TRUE(heard.disconnected.next());

  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  broker.send(kConnackResumed);
  ASSERT_EQ(heard.connected.next(), true);
  broker.send(kPubrel);  // the broker never sends the body again
  EXPECT_EQ(broker.receive(), kPubcomp);
  EXPECT_EQ(sink.messages.size(), 0U);
}

/// Keeps the receipts of received messages until the test releases them.
class SlowSink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override {
    receipts_.push_back(message.receipt);
    messages.set(std::move(message));
    return true;
  }
  void commit_received() noexcept override {
    begun.set(true);
    if (!may_end.next().value_or(false)) return;
    for (const core::Receipt& receipt : std::exchange(receipts_, {})) receipt.give();
  }

  Awaited<core::IncomingMessage> messages;
  Awaited<bool> begun;
  Awaited<bool> may_end;

 private:
  std::vector<core::Receipt> receipts_;  // used by the receive thread only
};

TEST_F(BrokerContract, Broker_gets_no_acknowledgement_before_the_messages_are_committed) {
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

/// Keeps the receipts with the messages: only the test gives them.
class HoldingSink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override {
    messages.set(std::move(message));
    return true;
  }
  void commit_received() noexcept override {}

  Awaited<core::IncomingMessage> messages;
};

/// A store whose removals are not durable until the test allows it.
class SlowPackets final : public core::PacketStore {
 public:
  void put(Id id) override { memory_.put(id); }
  base::Status remove(Id id, core::Receipt safe) override {
    removals.set(std::move(safe));
    return memory_.remove(id, {});
  }
  base::Status clear(core::Receipt safe) override { return memory_.clear(std::move(safe)); }
  bool contains(Id id) const override { return memory_.contains(id); }
  std::vector<Id> ids() const override { return memory_.ids(); }

  Awaited<core::Receipt> removals;

 private:
  mqtt::MemoryPackets memory_;
};

/// A consumer of a persistent session, and the broker's side of it in either version.
class Held : public BothVersions {
 protected:
  bool mqtt5() const { return protocol_ == core::ProtocolVersion::kMqtt5; }
  void open(core::MessageSink& sink, core::PacketStore* packets = nullptr) {
    auto options = options_for(broker.endpoint(), "held");
    options.clean_session = false;
    connection = consumer(std::move(options), heard, sink, packets);
    accept(false);
  }
  void accept(bool resumed) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);  // CONNECT
    broker.send(mqtt5() ? bytes({0x20, 3, resumed ? 1 : 0, 0, 0})
                        : bytes({0x20, 2, resumed ? 1 : 0, 0}));
    ASSERT_EQ(heard.connected.next(), resumed);
  }
  std::string publish(int header, int id) const {
    return mqtt5() ? bytes({header, 7, 0, 1, 't', 0, id, 0, 'x'})
                   : bytes({header, 6, 0, 1, 't', 0, id, 'x'});
  }
  void break_and_resume() {
    broker.hang_up();
    ASSERT_TRUE(heard.disconnected.next());
    accept(true);
  }
  /// The next packet's kind, and its identifier if it is this one.
  void expect(int header, int id) {
    const std::string packet = broker.receive();
    ASSERT_GE(packet.size(), 4U);
    EXPECT_EQ(static_cast<std::uint8_t>(packet[0]), header);
    EXPECT_EQ(packet[3], id);
  }

  ScriptedBroker broker;
  RecordingListener heard;
  std::unique_ptr<core::BrokerConsumer> connection;
};

TEST_P(Held, Messages_are_acknowledged_in_their_order_when_their_receipts_are_given) {
  HoldingSink sink;
  open(sink);
  broker.send(publish(0x32, 1) + publish(0x34, 2) + publish(0x32, 3));
  const auto first = sink.messages.next();
  const auto second = sink.messages.next();
  const auto third = sink.messages.next();
  ASSERT_TRUE(first && second && third);
  third->receipt.give();
  second->receipt.give();
  EXPECT_FALSE(broker.readable());
  first->receipt.give();
  expect(0x40, 1);
  expect(0x50, 2);
  expect(0x40, 3);
  connection.reset();
}

TEST_P(Held, Messages_that_the_broker_sends_again_are_taken_in_once) {
  HoldingSink sink;
  open(sink);
  broker.send(publish(0x32, 1) + publish(0x34, 2));
  const auto first = sink.messages.next();
  const auto second = sink.messages.next();
  ASSERT_TRUE(first && second);
  break_and_resume();
  broker.send(publish(0x3a, 1) + publish(0x3c, 2) + publish(0x32, 3));  // with DUP but the last
  ASSERT_TRUE(sink.messages.next());
  EXPECT_EQ(sink.messages.size(), 0U);
  second->receipt.give();
  first->receipt.give();
  expect(0x40, 1);
  expect(0x50, 2);
  connection.reset();
}

TEST_P(Held, Message_that_was_handled_while_the_connection_was_away_is_not_taken_in_again) {
  HoldingSink sink;
  open(sink);
  broker.send(publish(0x32, 1));
  const auto message = sink.messages.next();
  ASSERT_TRUE(message);
  broker.hang_up();
  ASSERT_TRUE(heard.disconnected.next());
  message->receipt.give();
  accept(true);
  broker.send(publish(0x3a, 1));
  expect(0x40, 1);
  EXPECT_EQ(sink.messages.size(), 0U);
  connection.reset();
}

TEST_P(Held, Receipt_given_just_before_the_end_still_brings_its_acknowledgement) {
  HoldingSink sink;
  open(sink);
  broker.send(publish(0x32, 1));
  const auto message = sink.messages.next();
  ASSERT_TRUE(message);
  message->receipt.give();
  connection.reset();
  expect(0x40, 1);
  EXPECT_EQ(broker.receive()[0], static_cast<char>(0xe0));  // DISCONNECT
}

TEST_P(Held, Release_of_an_exactly_once_message_is_completed_when_it_is_safe) {
  RecordingSink sink;
  SlowPackets packets;
  open(sink, &packets);
  broker.send(publish(0x34, 9));
  expect(0x50, 9);
  broker.send(bytes({0x62, 2, 0, 9}));
  const auto safe = packets.removals.next();
  ASSERT_TRUE(safe);
  EXPECT_FALSE(broker.readable());
  safe->give();
  expect(0x70, 9);
  EXPECT_EQ(sink.messages.size(), 1U);
  connection.reset();
}

INSTANTIATE_TEST_SUITE_P(Versions, Held,
                         ::testing::Values(core::ProtocolVersion::kMqtt311,
                                           core::ProtocolVersion::kMqtt5),
                         [](const auto& version) { return version_name(version.param); });

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
  const auto remembered_before = mqtt::send_thread().counters().signals_remembered;
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
  RecordProperty(
      "signals_remembered",
      static_cast<int>(mqtt::send_thread().counters().signals_remembered - remembered_before));
}

}  // namespace
}  // namespace dapr_mqtt::testing
