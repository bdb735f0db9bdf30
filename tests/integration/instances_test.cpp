// Instances belong to a connection and a component's name.
#include <filesystem>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Instances : public ComponentTest {
 protected:
  std::size_t entries(const std::string& folder) const {
    std::error_code error;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(
             "/proc/" + std::to_string(component->process().pid()) + "/" + folder, error)) {
      (void)entry;
      ++count;
    }
    return count;
  }
};

TEST_F(Instances, of_one_connection_are_told_apart_by_name) {
  Mosquitto other_broker;
  ComponentClient one(component->address(), "one");
  ASSERT_TRUE(one.init(metadata()).ok());
  const auto two = connect({{"url", other_broker.url()}, {"consumerID", "app"}}, "two");
  const auto on_one = one.pull("t");
  const auto on_two = two->pull("t");
  ASSERT_TRUE(one.publish("t", "first broker").ok());
  ASSERT_TRUE(two->publish("t", "second broker").ok());
  EXPECT_EQ(on_one->next()->data(), "first broker");
  EXPECT_EQ(on_two->next()->data(), "second broker");
}

TEST_F(Instances, of_one_name_on_two_connections_are_two) {
  const auto one = connect(metadata({{"consumerID", "app-1"}}), "pubsub");
  const auto two = connect(metadata({{"consumerID", "app-2"}}), "pubsub");
  const auto first = one->pull("t");
  const auto second = two->pull("t");
  ASSERT_TRUE(one->publish("x", "").ok() && two->publish("x", "").ok());  // both subscribed
  ASSERT_TRUE(one->publish("t", "to both").ok());
  EXPECT_EQ(first->next()->data(), "to both");
  EXPECT_EQ(second->next()->data(), "to both");
}

TEST_F(Instances, initialised_again_alike_stay_as_they_are) {
  const auto client = connect();
  const auto stream = client->pull("t");
  EXPECT_TRUE(client->init(metadata()).ok());
  ASSERT_TRUE(client->publish("t", "x").ok());
  EXPECT_TRUE(stream->next());
}

TEST_F(Instances, initialised_again_otherwise_are_replaced_without_a_fight) {
  const auto client = connect();
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "1").ok());
  ASSERT_TRUE(stream->next());
  EXPECT_TRUE(client->init(metadata({{"qos", "2"}})).ok());
  EXPECT_TRUE(stream->wait_for_end());
  const auto again = client->pull("t");
  ASSERT_TRUE(client->publish("t", "2").ok());
  EXPECT_EQ(again->next()->data(), "2");
  EXPECT_THAT(broker->log(), Not(HasSubstr("already connected")));
}

TEST_F(Instances, of_a_daprd_that_reloads_do_not_fight_over_the_client_id) {
  for (int round = 0; round < 5; ++round) {
    const auto client = connect();  // the one before is just going
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "x").ok());
    ASSERT_TRUE(stream->next());
  }
  EXPECT_THAT(broker->log(), Not(HasSubstr("already connected")));
}

TEST_F(Instances, with_a_consumer_id_in_use_are_refused_with_the_remedy) {
  const auto owner = connect();
  ComponentClient second(component->address(), "second");
  const grpc::Status status = second.init(metadata({{"connectTimeout", "300ms"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("{uuid}"));
}

TEST_F(Instances, go_with_their_connection) {
  const auto keeper = connect(metadata({{"consumerID", "keeper"}}), "keeper");
  const std::size_t threads = entries("task");
  const std::size_t descriptors = entries("fd");
  constexpr int kRounds = 100;
  for (int i = 0; i < kRounds; ++i) {
    const auto client = connect(metadata({{"consumerID", "c" + std::to_string(i)}}));
    if (i % 5 == 0) {
      const auto stream = client->pull("t" + std::to_string(i));
      ASSERT_TRUE(client->publish("t" + std::to_string(i), "x").ok());
      ASSERT_TRUE(stream->next());
    }
  }
  // The last one's end is an event of the broker's log; then all is as before.
  ASSERT_TRUE(broker->wait_for_log("c" + std::to_string(kRounds - 1) + "-pub-"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  // gRPC may have made some more of its own; what each left would be a hundred.
  constexpr std::size_t kSome = 20;
  while ((entries("task") > threads + kSome || entries("fd") > descriptors + kSome) &&
         std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(keeper->ping().ok());  // each takes its time: no sleep needed
  }
  EXPECT_LE(entries("task"), threads + kSome);
  EXPECT_LE(entries("fd"), descriptors + kSome);
}

}  // namespace
}  // namespace dapr_mqtt::testing
