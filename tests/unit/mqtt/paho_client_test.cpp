#include "mqtt/paho_client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mqtt/descriptors.h"
#include "mqtt/reason_codes.h"
#include "unit/mqtt/paho_client_fixture.h"

namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;
using testing::Script;

core::Will last_will() {
  return {core::TopicName::parse("state/me").value(),
          "gone",
          core::QoS::kAtMostOnce,
          false,
          {},
          {},
          false};
}

class ListSink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override {
    messages.push(message.payload);
    message.receipt.give();
    return true;
  }
  void commit_received() noexcept override {}

  testing::Channel<std::string> messages;
};

TEST_F(PahoClientTest, Large_publish_goes_out_whole_over_a_network_that_takes_little) {
  connect();
  const std::string payload(300'000, 'x');
  script_->takes(10'000);
  ASSERT_TRUE(publish(payload).ok());
  const bytes::ClientPacket packet = next_packet(3, [&] {
    script_->takes(10'000);
    if (!sent_.empty()) client_->channel().ping();
  });
  EXPECT_TRUE(packet.payload == payload) << "no ping in it";
  script_->takes(Script::kAll);
  script_->comes(bytes::puback(packet.id));
  EXPECT_TRUE(published_.next()->ok());
}

// MQTT 5 section 3.1.3.2.
TEST_F(PahoClientTest, Connect_has_the_wills_delay_and_properties) {
  options_.protocol = core::ProtocolVersion::kMqtt5;
  core::Will will = last_will();
  will.delay = std::chrono::seconds(30);
  will.text = true;
  will.properties.expiry = std::chrono::hours(1);
  will.properties.content_type = "text/plain";
  will.properties.response_topic = "answers";
  will.properties.correlation_data = std::string("\0\1", 2);
  will.properties.user_properties = {{"site", "berlin"}, {"site", "bonn"}};
  options_.will = will;
  auto made = make();
  ASSERT_TRUE(made.ok());
  client_ = std::move(made).value();
  ASSERT_TRUE(client_->connect(options_, true).ok());
  const bytes::ClientPacket connect = next_packet(1);

  bytes::Cursor body(connect.body);
  body.take(7 + 1 + 2);
  body.take(body.variable());
  EXPECT_EQ(body.string(), "client");
  bytes::Cursor properties(connect.body);
  properties.take(connect.body.size() - body.rest().size());
  const std::string will_properties = properties.take(properties.variable());
  for (const std::string& property :
       {"\x18" + bytes::u32(30), "\x01" + bytes::u8(1), "\x02" + bytes::u32(3600),
        "\x03" + bytes::text("text/plain"), "\x08" + bytes::text("answers"),
        "\x09" + bytes::text(std::string("\0\1", 2)),
        "\x26" + bytes::text("site") + bytes::text("berlin") + "\x26" + bytes::text("site") +
            bytes::text("bonn")}) {
    EXPECT_NE(will_properties.find(property), std::string::npos) << property;
  }
  EXPECT_EQ(properties.string(), "state/me");
  EXPECT_EQ(properties.string(), "gone");
}

TEST_F(PahoClientTest, Connect_has_no_will_properties_with_mqtt_3_1_1) {
  core::Will will = last_will();
  will.delay = std::chrono::seconds(30);
  will.properties.content_type = "text/plain";
  options_.will = will;
  auto made = make();
  ASSERT_TRUE(made.ok());
  client_ = std::move(made).value();
  ASSERT_TRUE(client_->connect(options_, true).ok());
  const std::string body = next_packet(1).body;
  EXPECT_NE(body.find(bytes::text("client") + bytes::text("state/me") + bytes::text("gone")),
            std::string::npos);
}

TEST_F(PahoClientTest, Publishes_keep_their_order_whatever_their_size) {
  connect();
  std::vector<std::string> payloads;
  for (const std::size_t size : {10, 5000, 20, 100'000, 30, 4090, 4100, 40}) {
    payloads.push_back(std::string(size, 'x'));
    ASSERT_TRUE(publish(payloads.back()).ok());
  }
  for (const std::string& payload : payloads) {
    const bytes::ClientPacket packet = next_packet(3);
    EXPECT_EQ(packet.payload.size(), payload.size());
    script_->comes(bytes::puback(packet.id));
    EXPECT_TRUE(published_.next()->ok());
  }
}

TEST_F(PahoClientTest, Received_message_is_acknowledged_by_the_channel) {
  ListSink sink;
  connect(&sink);
  script_->comes(bytes::publish(options_.protocol, {.payload = "a", .qos = 1, .id = 7}));
  EXPECT_EQ(sink.messages.next(), "a");
  EXPECT_EQ(next_packet(4).id, 7);
  client_->shut_down(base::cancelled("that was all"));
  next_packet(14);
}

TEST_F(PahoClientTest, Broker_that_hangs_up_loses_the_connection_once_and_open_publishes_fail) {
  connect();
  ASSERT_TRUE(publish("a").ok());
  next_packet(3);
  script_->ends(Script::Outcome::kClosed);
  EXPECT_EQ(lost_.next()->kind(), ErrorKind::kUnavailable);
  client_->shut_down(base::unavailable("it broke"));
  EXPECT_FALSE(published_.next()->ok());
  EXPECT_EQ(published_.size(), 0U);
  EXPECT_EQ(lost_.size(), 0U);
}

TEST_F(PahoClientTest, End_with_an_open_or_a_recent_request_may_be_because_of_it) {
  connect();
  ASSERT_TRUE(publish("a").ok());
  next_packet(3);
  script_->resets("reset");
  ASSERT_TRUE(lost_.next());
  EXPECT_EQ(end_, core::ConnectionEnd::kClosedOnRequest);
}

TEST_F(PahoClientTest, End_without_a_request_is_not_because_of_one) {
  connect();
  script_->resets("reset");
  ASSERT_TRUE(lost_.next());
  EXPECT_EQ(end_, core::ConnectionEnd::kClosed);
}

TEST_F(PahoClientTest, End_that_the_network_or_we_make_is_not_because_of_a_request) {
  connect();
  ASSERT_TRUE(publish("a").ok());
  next_packet(3);
  client_->channel().end(base::unavailable("silent"));
  ASSERT_TRUE(lost_.next());
  EXPECT_EQ(end_, core::ConnectionEnd::kOther);
}

TEST_F(PahoClientTest, Broker_that_hangs_up_before_CONNACK_fails_the_attempt) {
  auto made = make();
  ASSERT_TRUE(made.value()->connect(options_, true).ok());
  next_packet(1);
  script_->ends(Script::Outcome::kClosed);
  const auto cause = failed_.next();
  EXPECT_EQ(cause->kind(), ErrorKind::kUnavailable);
  EXPECT_NE(cause->message().find("without an answer to MQTT CONNECT"), std::string::npos);
  made.value()->shut_down(base::cancelled("that was all"));
  EXPECT_EQ(lost_.size(), 0U);
}

TEST_F(PahoClientTest, Refusal_is_told_with_its_reason) {
  auto made = make();
  ASSERT_TRUE(made.value()->connect(options_, true).ok());
  next_packet(1);
  script_->comes(bytes::connack(options_.protocol, false, 5));
  EXPECT_EQ(failed_.next()->message(), from_connack(5, "client").message());
}

TEST_F(PahoClientTest, AUTH_in_answer_to_CONNECT_is_told_without_advice_on_other_causes) {
  options_.protocol = core::ProtocolVersion::kMqtt5;
  auto made = make();
  ASSERT_TRUE(made.value()->connect(options_, true).ok());
  next_packet(1);
  script_->comes(bytes::packet(0xF0, ""));
  const std::string text = failed_.next()->message();
  EXPECT_NE(text.find("exchange of AUTH packets"), std::string::npos) << text;
  EXPECT_EQ(text.find("protocolVersion"), std::string::npos) << text;
}

TEST_F(PahoClientTest, Client_that_is_shut_down_in_an_attempt_says_nothing_more) {
  auto made = make();
  ASSERT_TRUE(made.value()->connect(options_, true).ok());
  next_packet(1);
  made.value()->shut_down(base::cancelled("that was all"));
  script_->comes(bytes::connack(options_.protocol));
  EXPECT_TRUE(script_->destroyed());
  EXPECT_EQ(connected_.size() + failed_.size() + lost_.size(), 0U);
}

TEST_F(PahoClientTest, None_is_made_while_all_ports_are_taken) {
  {
    auto made = make();
    ASSERT_TRUE(made.ok());
  }
  const auto channel =
      Channel::make(std::make_unique<testing::ScriptedStream>(script_), Channel::Settings{},
                    Channel::Events{}, nullptr, std::make_shared<packets::AckLedger>(packets_),
                    std::make_shared<Waker>(), std::make_shared<Waker>());
  std::vector<std::string> uris;
  for (;;) {
    auto uri = Descriptors::instance().offer(channel, true);
    if (!uri.ok()) break;
    uris.push_back(uri.value());
  }
  auto made = make();
  EXPECT_EQ(made.status().kind(), ErrorKind::kResourceExhausted);
  for (const std::string& uri : uris) Descriptors::instance().withdraw(uri);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
