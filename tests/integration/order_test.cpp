// concurrencyMode and maxConcurrentHandlers.
#include "integration/component_test.h"
#include "support/scratch_folder.h"

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
