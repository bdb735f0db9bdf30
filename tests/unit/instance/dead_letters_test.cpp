#include "instance/dead_letters.h"

#include <gmock/gmock.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "instance/dead_letter_message.h"
#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

using delivery::GivenUp;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const core::TopicName kTopic = core::TopicName::parse("dead/letters").value();
const core::TopicFilter kFilter = core::TopicFilter::parse("a/#").value();

core::Delivery delivery_of(std::string topic, std::string payload, std::uint32_t attempt = 3) {
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = std::move(topic);
  message->payload = std::move(payload);
  message->qos = core::QoS::kAtLeastOnce;
  return {7, attempt, std::move(message), {}};
}

core::OutgoingMessage letter(const core::Delivery& delivery, core::ProtocolVersion protocol,
                             std::string_view error = "broken",
                             GivenUp::Reason reason = GivenUp::Reason::kRetriesSpent) {
  return dead_letter_message({reason, kFilter, delivery, error}, kTopic, protocol);
}

TEST(DeadLetterMessage, has_payload_and_properties_as_they_came_and_says_why_with_mqtt5) {
  core::Delivery delivery = delivery_of("a/b", std::string("\0\xFF", 2));
  auto message = std::make_shared<core::IncomingMessage>(*delivery.message);
  auto properties = std::make_shared<core::MessageProperties>();
  properties->content_type = "text/plain";
  properties->user_properties = {{"own", "1"}};
  properties->expiry = seconds(5);
  message->properties = properties;
  delivery.message = message;
  const auto out = letter(delivery, core::ProtocolVersion::kMqtt5, "line\nbreak");
  EXPECT_EQ(out.topic.str(), "dead/letters");
  EXPECT_EQ(out.payload, std::string("\0\xFF", 2));
  EXPECT_FALSE(out.retain);
  EXPECT_EQ(out.qos, core::QoS::kAtLeastOnce);
  ASSERT_TRUE(out.properties);
  EXPECT_EQ(out.properties->content_type, "text/plain");
  EXPECT_EQ(out.properties->expiry, std::nullopt) << "it is to be found later too";
  EXPECT_THAT(
      out.properties->user_properties,
      ElementsAre(Pair("own", "1"), Pair("dead-letter-topic", "a/b"),
                  Pair("dead-letter-reason", "retries-spent"),
                  Pair("dead-letter-error", "line\\nbreak"), Pair("dead-letter-attempts", "3")));
}

TEST(DeadLetterMessage, is_a_json_object_with_mqtt_3_1_1) {
  const auto out = letter(delivery_of("a/b", "{\"x\":1}"), core::ProtocolVersion::kMqtt311);
  EXPECT_EQ(out.properties, nullptr);
  const auto json = nlohmann::json::parse(out.payload);
  EXPECT_EQ(json["topic"], "a/b");
  EXPECT_EQ(json["reason"], "retries-spent");
  EXPECT_EQ(json["error"], "broken");
  EXPECT_EQ(json["attempts"], 3);
  EXPECT_EQ(json["qos"], 1);
  EXPECT_EQ(json["retained"], false);
  EXPECT_EQ(json["payloadEncoding"], "utf-8");
  EXPECT_EQ(json["payload"], "{\"x\":1}");
}

TEST(DeadLetterMessage, has_binary_payload_in_base64_in_its_json) {
  const auto out = letter(delivery_of("a/\xFF", std::string("\0\xFF", 2)),
                          core::ProtocolVersion::kMqtt311, "\xFF");
  const auto json = nlohmann::json::parse(out.payload);
  EXPECT_EQ(json["payloadEncoding"], "base64");
  EXPECT_EQ(json["payload"], "AP8=");
}

TEST(DeadLetterMessage, of_one_that_is_too_large_had_no_attempt) {
  const auto out = letter(delivery_of("a", "x", 1), core::ProtocolVersion::kMqtt5, "",
                          GivenUp::Reason::kTooLarge);
  EXPECT_THAT(out.properties->user_properties, Contains(Pair("dead-letter-reason", "too-large")));
  EXPECT_THAT(out.properties->user_properties, Contains(Pair("dead-letter-attempts", "0")));
}

/// A message as the connection hands it over.
core::Delivery oversized(std::string beginning) {
  core::Delivery delivery = delivery_of("a/b", std::move(beginning), 1);
  auto message = std::make_shared<core::IncomingMessage>(*delivery.message);
  message->full_size = 5'000'000;
  auto properties = std::make_shared<core::MessageProperties>();
  properties->content_type = "application/json";
  properties->user_properties.assign(1000, {"name", std::string(1000, 'v')});
  message->properties = std::move(properties);
  delivery.message = std::move(message);
  return delivery;
}

TEST(DeadLetterMessage, of_one_that_was_not_received_whole_has_its_size_and_beginning_with_mqtt5) {
  const auto out =
      letter(oversized("begins"), core::ProtocolVersion::kMqtt5, "", GivenUp::Reason::kTooLarge);
  EXPECT_EQ(out.payload, "begins");
  EXPECT_EQ(out.properties->content_type, "");
  EXPECT_THAT(out.properties->user_properties,
              ElementsAre(Pair("dead-letter-topic", "a/b"), Pair("dead-letter-reason", "too-large"),
                          Pair("dead-letter-error", ""), Pair("dead-letter-attempts", "0"),
                          Pair("dead-letter-size", "5000000")));
}

TEST(DeadLetterMessage, of_one_that_was_not_received_whole_has_its_size_and_beginning_with_3_1_1) {
  for (const char* beginning : {"gr\xC3\xBC", "gr\xC3\xBC\xE2\x82", "gr\xC3\xBC\xF0\x9F\x98"}) {
    const auto out = letter(oversized(beginning), core::ProtocolVersion::kMqtt311, "",
                            GivenUp::Reason::kTooLarge);
    const auto json = nlohmann::json::parse(out.payload);
    EXPECT_EQ(json["reason"], "too-large");
    EXPECT_EQ(json["size"], 5'000'000);
    EXPECT_EQ(json["payloadEncoding"], "utf-8") << beginning;
    EXPECT_EQ(json["payload"], "gr\xC3\xBC");
  }
  for (const char* beginning : {"\xFF", "a\x80",
                                "a\xE2"
                                "a",
                                "\xFF\xE2"}) {
    const auto binary = letter(oversized(beginning), core::ProtocolVersion::kMqtt311, "",
                               GivenUp::Reason::kTooLarge);
    EXPECT_EQ(nlohmann::json::parse(binary.payload)["payloadEncoding"], "base64") << beginning;
    EXPECT_LT(binary.payload.size(), 500U);
  }
}

TEST(DeadLetterMessage, cuts_an_error_that_is_a_whole_page) {
  const auto out =
      letter(delivery_of("a", "x"), core::ProtocolVersion::kMqtt5, std::string(100'000, 'e'));
  for (const auto& [name, value] : out.properties->user_properties) EXPECT_LT(value.size(), 2000U);
}

struct DeadLettersTest : ::testing::Test {
  testing::ManualExecutor executor;
  testing::CapturedLog log;
  core::Counters counters;
  std::deque<std::function<void(base::Status)>> open;
  std::vector<core::OutgoingMessage> sent;
  std::vector<core::InboxId> done;
  std::optional<DeadLetters> letters;

  DeadLettersTest() {
    letters.emplace(
        DeadLetters::Settings{.topic = kTopic}, executor, counters, base::Log(log, "pubsub"),
        [this](core::OutgoingMessage message, std::function<void(base::Status)> d) {
          sent.push_back(std::move(message));
          open.push_back(std::move(d));
        },
        [this](core::InboxId id) { done.push_back(id); });
  }
  void take(const core::Delivery& delivery) {
    letters->take({GivenUp::Reason::kRetriesSpent, kFilter, delivery, "broken"});
    executor.run();
  }
  void answer(base::Status status) {
    open.front()(std::move(status));
    open.pop_front();
    executor.run();
  }
};

TEST_F(DeadLettersTest, message_is_done_with_when_the_broker_has_it) {
  take(delivery_of("a", "x"));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(done.empty());
  answer({});
  EXPECT_THAT(done, ElementsAre(7U));
  EXPECT_EQ(counters.dead_lettered, 1U);
}

TEST_F(DeadLettersTest, is_sent_again_until_the_broker_has_it) {
  take(delivery_of("a", "x"));
  for (int i = 0; i < 10; ++i) {
    answer(i % 2 == 0 ? base::unavailable("away") : base::permission_denied("forbidden"));
    EXPECT_TRUE(done.empty());
    executor.advance(seconds(60));
  }
  answer({});
  EXPECT_THAT(done, ElementsAre(7U));
  EXPECT_EQ(sent.size(), 11U);
  EXPECT_TRUE(log.contains("a dead letter did not reach the broker: away"));
}

TEST_F(DeadLettersTest, that_the_broker_takes_never_is_dropped_with_an_error) {
  take(delivery_of("a", "x"));
  answer(base::invalid_argument("too large"));
  EXPECT_THAT(done, ElementsAre(7U));
  EXPECT_EQ(counters.dead_letters_lost, 1U);
  EXPECT_EQ(counters.dead_lettered, 0U);
  EXPECT_THAT(log.text(), HasSubstr("too large"));
}

TEST_F(DeadLettersTest, that_the_broker_closes_the_connection_for_is_dropped_at_the_second_time) {
  take(delivery_of("a", "x"));
  answer(base::failed_precondition("the broker rejects this message: 1030 bytes"));
  EXPECT_TRUE(done.empty()) << "once may be chance";
  executor.advance(seconds(60));
  answer(base::failed_precondition("the broker rejects this message: 1030 bytes"));
  EXPECT_THAT(done, ElementsAre(7U));
  EXPECT_EQ(counters.dead_letters_lost, 1U);
  EXPECT_THAT(log.text(), HasSubstr("on topic \"a\" (1 bytes) is dropped"));
  EXPECT_THAT(log.text(), HasSubstr("1030 bytes"));
}

TEST_F(DeadLettersTest, is_sent_at_once_when_the_connection_it_waited_for_is_there) {
  take(delivery_of("a", "x"));
  for (int i = 0; i < 8; ++i) {  // back-off has grown
    answer(base::unavailable("no connection to the broker in time"));
    executor.advance(seconds(60));
  }
  answer(base::unavailable("no connection to the broker in time"));
  const std::size_t before = sent.size();
  letters->connected();
  ASSERT_EQ(sent.size(), before + 1);
  letters->connected();
  executor.advance(seconds(120));
  EXPECT_EQ(sent.size(), before + 1) << "once";
  answer({});
  EXPECT_THAT(done, ElementsAre(7U));
}

TEST_F(DeadLettersTest, that_the_broker_refuses_does_not_come_sooner_because_of_a_connection) {
  take(delivery_of("a", "x"));
  answer(base::failed_precondition("the broker rejects this message"));
  letters->connected();
  EXPECT_EQ(sent.size(), 1U);
}

TEST_F(DeadLettersTest, does_not_go_round_in_a_circle) {
  take(delivery_of("dead/letters", "x"));
  EXPECT_TRUE(sent.empty());
  EXPECT_THAT(done, ElementsAre(7U));
}

TEST_F(DeadLettersTest, answers_after_its_end_do_nothing) {
  take(delivery_of("a", "x"));
  letters.reset();
  answer({});
  EXPECT_TRUE(done.empty());
}

}  // namespace
}  // namespace dapr_mqtt::instance
