// The way out, through the socket to a real broker and back.
#include <atomic>
#include <future>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Publish : public ComponentTest {};

TEST_F(Publish, brings_every_payload_through_intact_at_each_qos) {
  const auto client = connect();
  const auto stream = client->pull("data", {{"qos", "2"}});
  const std::string binary("\0\xff\xfe\r\n\x01 {\"a\":1}", 13);
  for (const std::string qos : {"0", "1", "2"}) {
    for (const std::string& payload : {std::string(), binary, std::string(1 << 20, 'x')}) {
      ASSERT_TRUE(client->publish("data", payload, {{"qos", qos}}).ok());
      const auto message = stream->next();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->data(), payload);
      EXPECT_EQ(value_of(*message, "mqtt-qos"), qos);
      stream->ack(message->id());
    }
  }
}

TEST_F(Publish, takes_a_payload_of_64_MiB) {
  const auto client = connect();
  const grpc::Status status = client->publish("large", std::string(64 << 20, 'x'));
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(client->publish("small", "x").ok());
}

TEST_F(Publish, retains_by_the_components_metadata_and_by_the_requests) {
  const auto client = connect(metadata({{"retain", "true"}}));
  ASSERT_TRUE(client->publish("kept", "1").ok());
  ASSERT_TRUE(client->publish("not/kept", "2", {{"retain", "false"}}).ok());
  const auto stream = client->pull("#");
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "1");
  EXPECT_EQ(value_of(*message, "retained"), "true");
  stream->ack(message->id());
  ASSERT_TRUE(client->publish("end", "3", {{"retain", "false"}}).ok());
  EXPECT_EQ(stream->next()->data(), "3");  // so 2 was not kept
}

TEST_F(Publish, refuses_wrong_topics_without_harm_to_the_connection) {
  const auto client = connect();
  ASSERT_TRUE(broker->wait_for_log("Sending CONNACK to app-pub-"));  // its log lags behind
  const std::size_t before = broker->log().size();
  for (const std::string& topic : {std::string(), std::string("a/+"), std::string("#"),
                                   std::string("a\0b", 3), std::string(65536, 'x')}) {
    EXPECT_EQ(client->publish(topic, "x").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_TRUE(client->publish("good", "x").ok());
  EXPECT_THAT(broker->log().substr(before), Not(HasSubstr("connected from")));
}

TEST_F(Publish, has_hundreds_in_flight_and_answers_each) {
  const auto client = connect();
  constexpr int kCalls = 2000;
  std::atomic<int> ok{0};
  std::atomic<int> open{kCalls};
  std::promise<void> done;
  struct Call {
    grpc::ClientContext context;
    wire::PublishRequest request;
    wire::PublishResponse response;
  };
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<Call>());
    Call& call = *calls.back();
    client->prepare(call.context);
    call.request.set_topic("many");
    call.request.set_data(std::to_string(i));
    client->stub().async()->Publish(&call.context, &call.request, &call.response,
                                    [&](const grpc::Status& status) {
                                      if (status.ok()) ++ok;
                                      if (--open == 0) done.set_value();
                                    });
  }
  ASSERT_EQ(done.get_future().wait_for(kPatience * 2), std::future_status::ready);
  EXPECT_EQ(ok, kCalls);
}

TEST_F(Publish, in_bulk_names_exactly_the_entries_that_failed) {
  const auto client = connect();
  const auto stream = client->pull("bulk");
  wire::BulkPublishRequest request;
  request.set_topic("bulk");
  for (int i = 0; i < 100; ++i) {
    auto* entry = request.add_entries();
    entry->set_entry_id("e" + std::to_string(i));
    entry->set_event(std::to_string(i));
    if (i % 10 == 3) (*entry->mutable_metadata())["qos"] = "5";
  }
  const BulkAnswer answer = client->bulk_publish(request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.failed.size(), 10U);
  EXPECT_THAT(answer.failed.at("e13"), AllOf(HasSubstr("qos"), HasSubstr("0, 1, 2")));
  EXPECT_EQ(stream->take(90).size(), 90U);
}

TEST_F(Publish, keeps_the_callers_order) {
  const auto client = connect();
  const auto stream = client->pull("order");
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(client->publish("order", std::to_string(i)).ok());
  const auto messages = stream->take(50);
  ASSERT_EQ(messages.size(), 50U);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(messages[static_cast<std::size_t>(i)].data(), std::to_string(i));
}

TEST_F(Publish, never_overtakes_a_subscription_opened_before) {
  for (int round = 0; round < 30; ++round) {
    const auto client = connect(metadata({{"consumerID", "app" + std::to_string(round)}}));
    const std::string topic = "fresh/" + std::to_string(round);
    const auto stream = client->pull(topic);
    ASSERT_TRUE(client->publish(topic, "at once").ok());
    const auto message = stream->next();
    ASSERT_TRUE(message) << "round " << round;
  }
}

TEST_F(Publish, before_init_says_what_to_do) {
  ComponentClient client(component->address());
  const grpc::Status status = client.publish("t", "x");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("Init"), HasSubstr("restart daprd")));
}

TEST_F(Publish, features_prove_which_component_is_running) {
  const auto client = connect();
  std::vector<std::string> features;
  ASSERT_TRUE(client->features(features).ok());
  EXPECT_THAT(features,
              ::testing::IsSupersetOf({"BULK_PUBSUB", "SUBSCRIBE_WILDCARDS",
                                       "BULK_SUBSCRIBE_IMMEDIATE", "DAPR_PUBSUB_MQTT_CPP"}));
}

}  // namespace
}  // namespace dapr_mqtt::testing
