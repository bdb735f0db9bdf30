// MQTT 5 through the socket, with a foreign client on the other end.
#include <algorithm>

#include "integration/component_test.h"
#include "support/foreign_client.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Mqtt5 : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_FOREIGN_CLIENTS();
    ComponentTest::SetUp();
  }
  // 2.0.11 hangs up after it refused a publish when its queues are unlimited.
  MosquittoOptions broker_options() override {
    return {.extra_lines = {"max_queued_messages 100000"}};
  }
  Properties five(Properties more = {}) const {
    more["protocolVersion"] = "5";
    return metadata(more);
  }
};

TEST_F(Mqtt5, brings_properties_to_a_foreign_client) {
  const auto client = connect(five());
  const ForeignSubscriber foreign(*broker, "out", "<%p|%C|%R|%D|%E|%P>");
  ASSERT_TRUE(foreign.subscribed());
  const grpc::Status status = client->publish("out", "data",
                                              {{"mqtt-content-type", "text/plain"},
                                               {"mqtt-response-topic", "answers/1"},
                                               {"mqtt-correlation-data", "YWJj"},
                                               {"mqtt-property-colour", "k%C3%A4se"},
                                               {"ttlInSeconds", "1000"},
                                               {"rawPayload", "true"},
                                               {"traceparent", "00-secret"}});
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(foreign.sees("<data|text/plain|answers/1|abc|1000|colour:k\xC3\xA4se"))
      << foreign.output();
  EXPECT_THAT(foreign.output(), AllOf(Not(HasSubstr("rawPayload")), Not(HasSubstr("secret"))));
}

TEST_F(Mqtt5, brings_a_foreign_clients_properties_to_the_app) {
  const auto client = connect(five());
  const auto stream = client->pull("in");
  ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app"));
  ASSERT_TRUE(
      foreign_publish(*broker, "in", "data", {"-D",         "publish",    "content-type",
                                              "text/plain",  //
                                              "-D",         "publish",    "response-topic",
                                              "answers/1",  //
                                              "-D",         "publish",    "correlation-data",
                                              "abc",  //
                                              "-D",         "publish",    "message-expiry-interval",
                                              "1000",  //
                                              "-D",         "publish",    "user-property",
                                              "colour",     "red",  //
                                              "-D",         "publish",    "user-property",
                                              "colour",     "k\xC3\xA4se"}));
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "data");
  EXPECT_EQ(value_of(*message, "mqtt-content-type"), "text/plain");
  EXPECT_EQ(value_of(*message, "mqtt-response-topic"), "answers/1");
  EXPECT_EQ(value_of(*message, "mqtt-correlation-data"), "YWJj");
  EXPECT_EQ(value_of(*message, "mqtt-property-colour"), "red,k%C3%A4se");
  const int left = std::stoi(value_of(*message, "mqtt-expiry-seconds"));
  EXPECT_GT(left, 500);
  EXPECT_LE(left, 1000);
  EXPECT_EQ(message->content_type(), "");
}

TEST_F(Mqtt5, lets_no_property_pass_for_one_of_daprds_headers_or_break_them) {
  const auto client = connect(five());
  const auto stream = client->pull("in");
  ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app"));
  ASSERT_TRUE(foreign_publish(
      *broker, "in", "data",
      {"-D", "publish", "user-property", "dapr-api-token", "stolen", "-D", "publish",
       "user-property", "two words", "x y", "-D", "publish", "user-property", "", "nameless"}));
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(value_of(*message, "dapr-api-token"), "(none)");
  EXPECT_EQ(value_of(*message, "mqtt-property-dapr-api-token"), "stolen");
  EXPECT_EQ(value_of(*message, "mqtt-property-two_words"), "x y");
  for (const auto& [key, value] : message->metadata()) {
    EXPECT_TRUE(key.starts_with("mqtt-") || key == "retained") << key;
  }
  stream->ack(message->id());

  std::vector<std::string> many;
  for (int i = 0; i < 10'000; ++i) {
    for (const std::string& word :
         {std::string("-D"), std::string("publish"), std::string("user-property"),
          "n" + std::to_string(i), std::string("v")}) {
      many.push_back(word);
    }
  }
  ASSERT_TRUE(foreign_publish(*broker, "in", "many", many));
  const auto capped = stream->next();
  ASSERT_TRUE(capped);
  EXPECT_EQ(capped->data(), "many");
  EXPECT_LT(capped->metadata_size(), 50);
  EXPECT_EQ(value_of(*capped, "mqtt-omitted"), "9968");
}

TEST_F(Mqtt5, lists_message_ttl_among_its_features_and_only_with_mqtt5) {
  std::vector<std::string> features;
  const auto five_client = connect(five());
  ASSERT_TRUE(five_client->features(features).ok());
  EXPECT_THAT(features, Contains("MESSAGE_TTL"));
  features.clear();
  const auto three_client = connect(metadata({{"consumerID", "other"}}), "other");
  ASSERT_TRUE(three_client->features(features).ok());
  EXPECT_THAT(features, Not(Contains("MESSAGE_TTL")));
}

TEST_F(Mqtt5, does_not_deliver_what_expires_while_it_waits_here) {
  const auto client = connect(five(
      {{"concurrencyMode", "single"}, {"backOffMaxRetries", "-1"}, {"backOffInterval", "100ms"}}));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "fails", {{"ttlInSeconds", "3"}}).ok());
  ASSERT_TRUE(client->publish("t", "waits", {{"ttlInSeconds", "1"}}).ok());
  ASSERT_TRUE(client->publish("t", "next").ok());
  // The first fails until it expires; the one behind it has by then, if it is not late itself.
  for (;;) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    if (message->data() == "next") break;
    ASSERT_EQ(message->data(), "fails");
    // The broker takes off the time that it has had it.
    EXPECT_THAT(value_of(*message, "mqtt-expiry-seconds"), AnyOf("3", "2", "1"));
    stream->nack(message->id(), "not yet");
  }
}

TEST_F(Mqtt5, leaves_out_its_own_messages_where_a_subscription_says_no_local) {
  const auto client = connect(five());
  const auto without = client->pull("t/#", {{"noLocal", "true"}});
  const auto with = client->pull("t/+");
  ASSERT_TRUE(client->publish("t/1", "own").ok());
  ASSERT_TRUE(foreign_publish(*broker, "t/1", "foreign"));
  EXPECT_EQ(without->next()->data(), "foreign");
  EXPECT_EQ(with->next()->data(), "own");
  EXPECT_EQ(with->next()->data(), "foreign");
}

TEST_F(Mqtt5, handles_retained_messages_as_the_subscription_asks) {
  const auto client = connect(five());
  ASSERT_TRUE(client->publish("t", "kept", {{"retain", "true"}}).ok());
  const auto none = client->pull("t", {{"retainHandling", "2"}});
  const auto published = client->pull("+", {{"retainAsPublished", "true"}});
  const auto first = published->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->data(), "kept");
  ASSERT_TRUE(client->publish("t", "new", {{"retain", "true"}}).ok());
  const auto second = published->next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->data(), "new");
  EXPECT_EQ(value_of(*second, "mqtt-retained"), "true");
  const auto only = none->next();
  ASSERT_TRUE(only);
  EXPECT_EQ(only->data(), "new");
  EXPECT_EQ(value_of(*only, "mqtt-retained"), "false");
}

TEST_F(Mqtt5, gives_overlapping_filters_each_message_exactly_once) {
  const auto client = connect(five());
  std::vector<std::unique_ptr<PullStream>> streams;
  for (const char* filter : {"a/#", "a/b", "a/+", "$share/g/a/b"}) {
    streams.push_back(client->pull(filter));
  }
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->publish("a/b", std::to_string(i)).ok());
  ASSERT_TRUE(client->publish("a/b", "end").ok());
  for (const auto& stream : streams) {
    for (int i = 0; i < 20; ++i) {
      const auto message = stream->next();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->data(), std::to_string(i));
      stream->ack(message->id());
    }
    EXPECT_EQ(stream->next()->data(), "end");
  }
}

TEST_F(Mqtt5, keeps_the_session_of_the_consumer_and_none_of_the_publisher) {
  const auto client = connect(five({{"cleanSession", "false"}, {"sessionExpiryInterval", "1h"}}));
  const auto stream = client->pull("t");
  EXPECT_TRUE(broker->wait_for_log("as app (p5, c0,"));
  EXPECT_THAT(broker->log(), ::testing::ContainsRegex("as app-pub-[0-9a-f]+ .p5, c1,"));
  ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app"));
  component->kill();
  ASSERT_TRUE(broker->wait_for_log("Client app closed its connection"));
  ASSERT_TRUE(foreign_publish(*broker, "t", "meanwhile"));
  component = std::make_unique<ComponentProcess>();
  const auto again = connect(five({{"cleanSession", "false"}, {"sessionExpiryInterval", "1h"}}));
  EXPECT_EQ(again->pull("t")->next()->data(), "meanwhile");
}

TEST_F(Mqtt5, tells_of_a_publish_that_the_broker_refuses) {
  broker = std::make_unique<Mosquitto>(MosquittoOptions{
      .acl = "pattern readwrite allowed/#", .extra_lines = {"max_queued_messages 1000"}});
  const auto client = connect(five());
  const grpc::Status refused = client->publish("forbidden", "x");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(),
              AllOf(HasSubstr("\"forbidden\""), HasSubstr("0x87"), HasSubstr("access control")));
  EXPECT_TRUE(client->publish("allowed/t", "x").ok());
}

TEST_F(Mqtt5, publishes_its_last_will_when_it_is_killed_and_not_when_it_stops) {
  const ForeignSubscriber foreign(*broker, "state/#", "<%t|%p|%q|%r>");
  ASSERT_TRUE(foreign.subscribed());
  const auto with_will = [&](const std::string& id) {
    return five({{"consumerID", id},
                 {"willTopic", "state/" + id},
                 {"willPayload", "gone"},
                 {"willQos", "1"},
                 {"willRetain", "true"}});
  };
  {
    const auto client = connect(with_will("stops"));
    const auto stream = client->pull("t");
    ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to stops"));
    ASSERT_EQ(component->terminate(), 0);
    ASSERT_TRUE(broker->wait_for_log("Received DISCONNECT from stops"));
  }
  component = std::make_unique<ComponentProcess>();
  const auto client = connect(with_will("killed"));
  const auto stream = client->pull("t");
  ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to killed"));
  component->kill();
  EXPECT_TRUE(foreign.sees("<state/killed|gone|1|")) << foreign.output();
  EXPECT_THAT(foreign.output(), Not(HasSubstr("state/stops")));
}

}  // namespace
}  // namespace dapr_mqtt::testing
