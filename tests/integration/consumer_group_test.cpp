// consumerGroup: replicas that compete for messages.
#include <set>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

class ConsumerGroup : public ComponentTest, public ::testing::WithParamInterface<const char*> {
 protected:
  /// A replica of an app: a process of its own, the same Component.
  struct Replica {
    std::unique_ptr<ComponentProcess> component;
    std::unique_ptr<ComponentClient> client;
    std::unique_ptr<PullStream> stream;
  };
  Properties group() const {
    return metadata({{"consumerID", "app-{uuid}"},
                     {"consumerGroup", "workers"},
                     {"protocolVersion", GetParam()}});
  }
  Replica replica() {
    Replica made;
    const std::size_t before = broker->log().size();
    made.component = std::make_unique<ComponentProcess>();
    made.client = std::make_unique<ComponentClient>(made.component->address());
    EXPECT_TRUE(made.client->init(group()).ok());
    made.stream = made.client->pull("jobs/+");
    EXPECT_TRUE(broker->wait_for_log("$share/workers/jobs/+", before));
    return made;
  }
  /// Takes and acknowledges what has come to any of them, until all of `wanted`
  /// has; none may come twice.
  static void collect(std::vector<Replica>& replicas, std::set<std::string> wanted,
                      std::vector<std::size_t>& shares) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    shares.assign(replicas.size(), 0);
    while (!wanted.empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << wanted.size() << " are missing";
      for (std::size_t i = 0; i < replicas.size(); ++i) {
        while (const auto message = replicas[i].stream->next(std::chrono::milliseconds(5))) {
          ASSERT_EQ(wanted.erase(message->data()), 1U) << message->data() << " came twice";
          replicas[i].stream->ack(message->id());
          ++shares[i];
        }
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Each, ConsumerGroup, ::testing::Values("3.1.1", "5"),
                         [](const auto& instance) {
                           return std::string(instance.param) == "5" ? "mqtt5" : "mqtt311";
                         });

TEST_P(ConsumerGroup, three_processes_share_messages_and_two_go_on_when_one_is_killed) {
  std::vector<Replica> replicas;
  for (int i = 0; i < 3; ++i) replicas.push_back(replica());
  ComponentClient sender(component->address());
  ASSERT_TRUE(sender.init(metadata({{"consumerID", "sender"}})).ok());

  const auto publish = [&](int from, int to) {
    std::set<std::string> sent;
    for (int i = from; i < to; ++i) {
      EXPECT_TRUE(sender.publish("jobs/" + std::to_string(i % 7), std::to_string(i)).ok());
      sent.insert(std::to_string(i));
    }
    return sent;
  };
  std::vector<std::size_t> shares;
  collect(replicas, publish(0, 3000), shares);
  for (const std::size_t share : shares) EXPECT_GT(share, 300U);

  const std::size_t before = broker->log().size();
  replicas[0].component->kill();
  ASSERT_TRUE(broker->wait_for_log("closed its connection", before));
  replicas.erase(replicas.begin());
  collect(replicas, publish(3000, 4000), shares);
  for (const std::size_t share : shares) EXPECT_GT(share, 100U);
}

TEST_P(ConsumerGroup, of_a_topic_that_names_one_is_that_one) {
  ComponentClient client(component->address());
  ASSERT_TRUE(client.init(group()).ok());
  const auto stream = client.pull("$share/mine/t");
  EXPECT_TRUE(broker->wait_for_log("$share/mine/t (QoS"));
  ASSERT_TRUE(client.publish("t", "x").ok());
  EXPECT_EQ(stream->next()->data(), "x");
}

}  // namespace
}  // namespace dapr_mqtt::testing
