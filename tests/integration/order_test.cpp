// concurrencyMode and maxConcurrentHandlers.
#include "integration/component_test.h"
#include "support/scratch_folder.h"

#include <map>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {
namespace {

class Order : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>();
    start();
  }
  void start() {
    component = std::make_unique<ComponentProcess>(
        ComponentOptions{.arguments = {"--state-dir", state_.path()}});
  }
  TemporaryFolder state_;
};

TEST_F(Order, single_is_strict_through_failures_and_restarts) {
  const Properties strict = metadata({{"cleanSession", "false"},
                                      {"concurrencyMode", "single"},
                                      {"backOffMaxRetries", "-1"},
                                      {"backOffInterval", "10ms"}});
  constexpr int kMessages = 60;
  int next = 0;  // the first that has not been acknowledged
  int lives = 0;
  bool published = false;
  while (next < kMessages) {
    ASSERT_LT(++lives, 100);
    const auto client = connect(strict);
    const auto stream = client->pull("t");
    for (int i = 0; !published && i < kMessages; ++i) {
      ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
    }
    published = true;
    for (int handled = 0; handled < 20 && next < kMessages;) {
      const auto message = stream->next();
      ASSERT_TRUE(message);
      const int number = std::stoi(message->data());
      // What was acknowledged just before a kill may come again, in order too.
      ASSERT_LE(number, next);
      if (number < next) {
        ASSERT_EQ(handled, 0) << "went back without a restart";
        stream->ack(message->id());
        continue;
      }
      if (number % 3 == 0 && value_of(*message, "mqtt-attempt") == "1") {
        stream->nack(message->id(), "not at first");
        continue;
      }
      EXPECT_FALSE(stream->next(std::chrono::milliseconds(1))) << "a second one before the answer";
      stream->ack(message->id());
      ++next;
      ++handled;
    }
    component->kill();
    start();
  }
  EXPECT_GE(lives, 3);
}

/// Three devices, one of which the app fails again and again, with a kill every 20 messages.
TEST_F(Order, ordered_keeps_each_topic_in_order_through_failures_and_kills) {
  const std::vector<std::string> devices{"a", "b", "bad"};
  constexpr int kMessages = 30;
  std::map<std::string, int> next;  // by topic, the first that has not been acknowledged
  int lives = 0;
  int left = kMessages * static_cast<int>(devices.size());
  int failed = 0;
  while (left > 0) {
    ASSERT_LT(++lives, 100);
    const auto client = connect(metadata({{"cleanSession", "false"},
                                          {"concurrencyMode", "ordered"},
                                          {"backOffMaxRetries", "-1"},
                                          {"backOffInterval", "10ms"}}));
    const auto stream = client->pull("devices/+/t");
    if (lives == 1) {
      for (int i = 0; i < kMessages; ++i) {
        for (const std::string& device : devices) {
          ASSERT_TRUE(client->publish("devices/" + device + "/t", std::to_string(i)).ok());
        }
      }
    }
    for (int handled = 0; handled < 20 && left > 0;) {
      const auto message = stream->next();
      ASSERT_TRUE(message);
      const std::string topic = value_of(*message, "mqtt-topic");
      const int number = std::stoi(message->data());
      ASSERT_LE(number, next[topic]) << topic << " is out of order";
      if (number == next[topic] && topic == "devices/bad/t" && ++failed % 3 != 0) {
        stream->nack(message->id(), "not yet");
        continue;
      }
      if (number == next[topic]) {
        ++next[topic];
        ++handled;
        --left;
      }
      stream->ack(message->id());
    }
    component->kill();
    start();
  }
  EXPECT_GE(lives, 4);
}

TEST_F(Order, ordered_lets_the_others_go_on_while_one_topic_fails) {
  const auto client = connect(metadata());
  const auto stream =
      client->pull("devices/+/t", {{"concurrencyMode", "ordered"}, {"orderBy", "segment:2"}});
  for (const char* device : {"bad", "bad", "a", "a", "b"}) {
    ASSERT_TRUE(client->publish("devices/" + std::string(device) + "/t", device).ok());
  }
  const auto first = stream->take(3);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].data(), "bad");
  EXPECT_EQ(first[1].data(), "a");
  EXPECT_EQ(first[2].data(), "b");
  stream->ack(first[1].id());
  EXPECT_EQ(stream->next()->data(), "a") << "and not the second of the bad one";
  stream->ack(first[0].id());
  EXPECT_EQ(stream->next()->data(), "bad");
}

TEST_F(Order, lanes_share_the_messages_of_a_topic_each_by_its_own_name) {
  const auto client = connect(metadata({{"concurrencyMode", "ordered"}}));
  const auto one = client->pull("$lane/1/devices/+/t");
  const auto two = client->pull("$lane/2/devices/+/t");
  for (const char* device : {"a", "b", "a", "b"}) {
    ASSERT_TRUE(client->publish("devices/" + std::string(device) + "/t", device).ok());
  }
  const auto first = one->next();
  const auto second = two->next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->topic_name(), "$lane/1/devices/+/t") << "daprd and SDKs find the app by it";
  EXPECT_EQ(second->topic_name(), "$lane/2/devices/+/t");
  EXPECT_NE(first->data(), second->data());
  two->ack(second->id());
  EXPECT_EQ(two->next()->data(), second->data()) << "the first one's topic is with the app";
}

TEST_F(Order, lane_that_is_none_ends_its_stream_with_the_reason) {
  const auto client = connect(metadata());
  const auto stream = client->pull("$lane/0/t");
  const auto status = stream->wait_for_end();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status->error_message().find("$lane/<number from 1 to 1000>/<topic>"),
            std::string::npos);
}

TEST_F(Order, parallel_hands_over_as_many_as_max_concurrent_handlers) {
  const auto client = connect(metadata({{"maxConcurrentHandlers", "7"}}));
  const auto stream = client->pull("t");
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
  const auto first = stream->take(7);
  ASSERT_EQ(first.size(), 7U);
  // An eighth would have come before this one, on another stream of the instance.
  const auto other = client->pull("u");
  ASSERT_TRUE(client->publish("u", "x").ok());
  ASSERT_TRUE(other->next());
  EXPECT_FALSE(stream->next(std::chrono::milliseconds(1)));
  stream->ack(first[3].id());
  EXPECT_EQ(stream->next()->data(), "7");
}

}  // namespace
}  // namespace dapr_mqtt::testing
