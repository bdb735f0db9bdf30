// Three processes on one broker, as three replicas of an app have them: the
// arithmetic of docs/SCALE.md.
#include <algorithm>
#include <set>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

constexpr std::size_t kReplicas = 3;

/// One process with one stream.
struct Replica {
  std::unique_ptr<ComponentProcess> process;
  std::unique_ptr<ComponentClient> daprd;
  std::unique_ptr<PullStream> stream;
};

class Scale : public ComponentTest {
 protected:
  /// Replica i has the consumerID app-<i>.
  void start(const std::string& filter, const Properties& more = {}) {
    for (std::size_t i = 0; i < kReplicas; ++i) {
      Replica replica;
      replica.process = std::make_unique<ComponentProcess>();
      replica.daprd = std::make_unique<ComponentClient>(replica.process->address());
      Properties with = metadata(more);
      with["consumerID"] = "app-" + std::to_string(i);
      const grpc::Status status = replica.daprd->init(with);
      ASSERT_TRUE(status.ok()) << status.error_message();
      replica.stream = replica.daprd->pull(filter);
      ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app-" + std::to_string(i)));
      replicas.push_back(std::move(replica));
    }
    publisher = connect();
  }
  void publish(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      ASSERT_TRUE(publisher->publish("t/" + std::to_string(i % 7), std::to_string(i)).ok());
    }
  }
  /// What all replicas have got by the time that they have `count` together.
  std::vector<std::size_t> take(std::size_t count, std::multiset<std::string>& payloads) {
    std::vector<std::size_t> each(replicas.size());
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (std::size_t i = 0; payloads.size() < count && std::chrono::steady_clock::now() < deadline;
         i = (i + 1) % replicas.size()) {
      constexpr std::chrono::milliseconds kTurn{20};  // for whoever has nothing, others have
      while (auto message = replicas[i].stream->next(kTurn)) {
        replicas[i].stream->ack(message->id());
        payloads.insert(message->data());
        ++each[i];
      }
    }
    return each;
  }

  std::vector<Replica> replicas;
  std::unique_ptr<ComponentClient> publisher;
};

TEST_F(Scale, replicas_of_a_shared_subscription_get_each_message_once_between_them) {
  start("$share/workers/t/+");
  constexpr std::size_t kMessages = 90;
  publish(0, kMessages);
  std::multiset<std::string> payloads;
  const auto each = take(kMessages, payloads);
  EXPECT_EQ(payloads.size(), kMessages);
  EXPECT_EQ(std::set<std::string>(payloads.begin(), payloads.end()).size(), kMessages);
  for (const std::size_t share : each) EXPECT_GT(share, 0U);
}

TEST_F(Scale, replicas_with_consumerIDs_of_their_own_get_everything_each) {
  start("t/+");
  constexpr std::size_t kMessages = 30;
  publish(0, kMessages);
  std::multiset<std::string> payloads;
  const auto each = take(kReplicas * kMessages, payloads);
  for (const std::size_t all : each) EXPECT_EQ(all, kMessages);
}

TEST_F(Scale, replica_that_dies_leaves_its_share_of_what_comes_to_the_others) {
  start("$share/workers/t/+");
  const std::size_t seen = broker->log().size();
  replicas.back().process->kill();
  ASSERT_TRUE(broker->wait_for_log("Client app-2 ", seen));
  replicas.pop_back();
  constexpr std::size_t kMessages = 60;
  publish(0, kMessages);
  std::multiset<std::string> payloads;
  take(kMessages, payloads);
  EXPECT_EQ(payloads.size(), kMessages);
}

}  // namespace
}  // namespace dapr_mqtt::testing
