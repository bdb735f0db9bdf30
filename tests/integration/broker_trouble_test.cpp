// Brokers that are not there, go away, come back, or hang.
#include <future>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class BrokerTrouble : public ComponentTest {
 protected:
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.persistence = true;
    return options;
  }
};

TEST_F(BrokerTrouble, at_init_is_told_with_its_cause) {
  ComponentClient client(component->address());
  const std::string nobody = "tcp://127.0.0.1:" + std::to_string(unused_port());
  grpc::Status status = client.init(metadata({{"url", nobody}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("refused"));

  status = client.init(metadata({{"url", "tcp://no-such-host.invalid:1883"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("no-such-host.invalid"));

  broker->suspend();
  status = client.init(metadata({{"connectTimeout", "1s"}}));
  broker->resume();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("CONNECT"));
  EXPECT_TRUE(client.init(metadata()).ok());
}

TEST_F(BrokerTrouble, at_init_is_no_error_when_connecting_in_background) {
  broker->stop();
  const auto client = connect(metadata({{"connectInBackground", "true"}}));
  EXPECT_FALSE(client->ping().ok());
  const auto stream = client->pull("t");
  broker->start();
  ASSERT_TRUE(client->publish("t", "x").ok());
  EXPECT_TRUE(stream->next());
}

TEST_F(BrokerTrouble, heals_by_itself_with_streams_open) {
  for (const std::string clean : {"true", "false"}) {
    const auto client =
        connect(metadata({{"cleanSession", clean}, {"consumerID", "app-" + clean}}));
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "before").ok());
    const auto first = stream->next();
    ASSERT_TRUE(first);
    stream->ack(first->id());
    ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app-" + clean));  // its log lags behind
    // Else a session that was kept brings the first once more.
    ASSERT_TRUE(broker->wait_for_log("Received PUBACK from app-" + clean));
    const std::size_t seen = broker->log().size();
    broker->restart();
    // A session that was kept needs no SUBSCRIBE, and queues meanwhile.
    const std::string sign =
        clean == "true" ? "Sending SUBACK to app-true" : "Sending CONNACK to app-false";
    ASSERT_TRUE(broker->wait_for_log(sign, seen));
    ASSERT_TRUE(client->publish("t", "after").ok());
    const auto second = stream->next();
    ASSERT_TRUE(second) << clean;
    EXPECT_EQ(second->data(), "after");
    stream->ack(second->id());
  }
}

TEST_F(BrokerTrouble, while_publishing_loses_nothing_that_was_answered) {
  const auto client = connect(metadata({{"cleanSession", "false"}, {"publishTimeout", "60s"}}));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "first").ok());
  for (int round = 0; round < 3; ++round) {
    broker->stop();
    const std::string payload = "sent while away " + std::to_string(round);
    std::thread caller([&] {
      const grpc::Status status = client->publish("t", payload, {}, seconds(60));
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
    broker->start();
    caller.join();
  }
  std::size_t after_outages = 0;
  while (after_outages < 3) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->ack(message->id());
    if (message->data().starts_with("sent while away")) ++after_outages;
  }
}

TEST_F(BrokerTrouble, sends_again_what_it_had_no_answer_to_when_the_broker_died) {
  const auto client = connect(metadata({{"publishTimeout", "60s"}}));
  ASSERT_TRUE(client->publish("t", "x").ok());
  broker->suspend();
  constexpr int kCalls = 60;  // more than a window of QoS 2 holds
  std::vector<std::future<grpc::Status>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [&client, i] {
      return client->publish("t", "x", {{"qos", std::to_string(1 + i % 2)}}, seconds(60));
    }));
  }
  // Gives the others time to get out; those that have not are to come through, too.
  EXPECT_EQ(client->publish("t", "x", {}, milliseconds(300)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  broker->kill();
  broker->start();
  for (auto& call : calls) {
    const grpc::Status status = call.get();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(BrokerTrouble, names_every_entry_of_a_bulk_publish_at_its_timeout) {
  const auto client = connect(metadata({{"publishTimeout", "1s"}}));
  ASSERT_TRUE(client->publish("t", "x").ok());
  broker->suspend();
  wire::BulkPublishRequest request;
  request.set_topic("t");
  for (const char* id : {"one", "two"}) request.add_entries()->set_entry_id(id);
  const BulkAnswer answer = client->bulk_publish(request);
  broker->resume();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_THAT(answer.failed, ElementsAre(Pair("one", HasSubstr("not acknowledged")),
                                         Pair("two", HasSubstr("not acknowledged"))));
}

TEST_F(BrokerTrouble, fails_a_publish_at_its_timeout_with_the_cause) {
  const auto client = connect(metadata({{"publishTimeout", "1s"}}));
  ASSERT_TRUE(client->publish("t", "x").ok());
  broker->suspend();
  grpc::Status status = client->publish("t", "hanging");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  broker->resume();
  ASSERT_TRUE(client->publish("t", "x").ok());
  broker->stop();
  status = client->publish("t", "gone");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  broker->start();
}

class BrokerWithPassword : public ComponentTest {
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.users = {{"device", "p@ss:w%rd/"}};
    return options;
  }
};

TEST_F(BrokerWithPassword, refuses_a_wrong_password_by_its_cause_and_takes_the_right_one) {
  ComponentClient client(component->address());
  const std::string at = "@127.0.0.1:" + std::to_string(broker->port());
  grpc::Status status = client.init(metadata({{"url", "tcp://device:wrong" + at}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), AnyOf(HasSubstr("user"), HasSubstr("authori")));
  EXPECT_THAT(status.error_message() + component->process().output(),
              ::testing::Not(HasSubstr("wrong")));
  EXPECT_TRUE(client.init(metadata({{"url", "tcp://device:p%40ss%3Aw%25rd%2F" + at}})).ok());
  ComponentClient other(component->address());
  EXPECT_TRUE(
      other
          .init(metadata(
              {{"consumerID", "other"}, {"username", "device"}, {"password", "p@ss:w%rd/"}}))
          .ok());
}

}  // namespace
}  // namespace dapr_mqtt::testing
