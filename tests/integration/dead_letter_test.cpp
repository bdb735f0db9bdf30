// deadLetterTopic, with both versions of MQTT.
#include "integration/component_test.h"
#include "support/foreign_client.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

class DeadLetter : public ComponentTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    DAPR_MQTT_NEEDS_FOREIGN_CLIENTS();
    broker = std::make_unique<Mosquitto>();
    start();
  }
  void start() {
    component = std::make_unique<ComponentProcess>(
        ComponentOptions{.arguments = {"--state-dir", state_.path()}});
  }
  bool mqtt5() const { return std::string(GetParam()) == "5"; }
  Properties with_letters(Properties more = {}) const {
    more["protocolVersion"] = GetParam();
    more["deadLetterTopic"] = "dead";
    return metadata(more);
  }
  TemporaryFolder state_;
};
INSTANTIATE_TEST_SUITE_P(Each, DeadLetter, ::testing::Values("3.1.1", "5"),
                         [](const auto& instance) {
                           return std::string(instance.param) == "5" ? "mqtt5" : "mqtt311";
                         });

TEST_P(DeadLetter, says_where_it_was_published_what_failed_and_how_often) {
  const auto client =
      connect(with_letters({{"backOffMaxRetries", "1"}, {"backOffInterval", "1ms"}}));
  const ForeignSubscriber foreign(*broker, "dead", "<%p|%C|%P>");
  ASSERT_TRUE(foreign.subscribed());
  const auto stream = client->pull("orders/+");
  const Properties properties =
      mqtt5() ? Properties{{"mqtt-content-type", "text/plain"}, {"mqtt-property-own", "1"}}
              : Properties{};
  ASSERT_TRUE(client->publish("orders/7", "payload", properties).ok());
  for (int i = 0; i < 2; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->nack(message->id(), "out of stock");
  }
  if (mqtt5()) {
    EXPECT_TRUE(foreign.sees(
        "<payload|text/plain|own:1 dead-letter-topic:orders/7 dead-letter-reason:retries-spent "
        "dead-letter-error:out of stock dead-letter-attempts:2"))
        << foreign.output();
  } else {
    EXPECT_TRUE(foreign.sees(
        "<{\"topic\":\"orders/7\",\"reason\":\"retries-spent\",\"error\":\"out of stock\","
        "\"attempts\":2,\"qos\":1,\"retained\":false,\"payloadEncoding\":\"utf-8\","
        "\"payload\":\"payload\"}|"))
        << foreign.output();
  }
}

TEST_P(DeadLetter, is_made_of_a_message_that_daprd_would_not_take) {
  const auto client = connect(with_letters());
  const ForeignSubscriber foreign(*broker, "dead", mqtt5() ? "<%l %P>" : "%p");
  ASSERT_TRUE(foreign.subscribed());
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", std::string(5 << 20, 'x')).ok());
  ASSERT_TRUE(client->publish("t", "small").ok());
  EXPECT_EQ(stream->next()->data(), "small");
  EXPECT_TRUE(foreign.sees(mqtt5() ? "dead-letter-size:5242880" : "\"size\":5242880"))
      << foreign.output();
}

TEST_P(DeadLetter, that_the_broker_has_not_taken_leaves_the_message_in_the_inbox) {
  const Properties durable = with_letters({{"cleanSession", "false"}});
  {
    const auto client = connect(durable);
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "kept").ok());
    const auto message = stream->next();
    ASSERT_TRUE(message);
    broker->suspend();
    const std::size_t before = component->process().output().size();
    stream->nack(message->id(), "no");
    ASSERT_TRUE(component->process().wait_for_output("gave up message", before));
    component->kill();
    broker->resume();
  }
  start();
  const ForeignSubscriber foreign(*broker, "dead", "<%p>");
  ASSERT_TRUE(foreign.subscribed());
  const auto client = connect(durable);
  const auto stream = client->pull("t");
  const auto again = stream->next();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->data(), "kept");
  stream->nack(again->id(), "still no");
  EXPECT_TRUE(foreign.sees("kept")) << foreign.output();
}

TEST_P(DeadLetter, is_taken_by_a_broker_that_has_no_qos_2) {
  broker = std::make_unique<Mosquitto>(MosquittoOptions{.extra_lines = {"max_qos 1"}});
  const auto client = connect(with_letters({{"qos", "2"}}));
  const ForeignSubscriber foreign(*broker, "dead", "<%p>");
  ASSERT_TRUE(foreign.subscribed());
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "precious", {{"qos", "1"}}).ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  stream->nack(message->id(), "no");
  EXPECT_TRUE(foreign.sees("precious")) << foreign.output();
}

TEST_P(DeadLetter, arrives_when_the_broker_is_back) {
  const auto client = connect(with_letters({{"publishTimeout", "1s"}, {"cleanSession", "false"}}));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "patient").ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  broker->kill();
  stream->nack(message->id(), "no");
  ASSERT_TRUE(component->process().wait_for_output("a dead letter did not reach the broker"));
  const std::size_t before = broker->log().size();
  broker->start();
  EXPECT_TRUE(broker->wait_for_log("'dead'", before));
}

}  // namespace
}  // namespace dapr_mqtt::testing
