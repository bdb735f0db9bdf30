// A broker that answers PINGREQ and leaves out acknowledgements.
#include <atomic>
#include <future>
#include <set>
#include <string>
#include <thread>

#include "fault/hostile_broker.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Leaves out the acknowledgements it is told to, on each client's first connection. A client that
/// comes back gets its CONNACK, and all else, from answer_from_now_on() on.
class SilentScript final : public HostileScript {
 public:
  explicit SilentScript(unsigned left_out) : left_out_(left_out) {}

  Act on_packet(Conversation& with, const mqtt::ClientPacket& packet) override {
    static constexpr auto k311 = core::ProtocolVersion::kMqtt311;
    if (packet.type == 1) {
      if (with.client_id.find("-pub-") != std::string::npos) ++publishers_;
      if (!silent_ || clients_.insert(with.client_id).second) return {.bytes = mqtt::connack(k311)};
      waiting_.insert(with.client_id);
      return {};
    }
    if (packet.type == left_out_ && silent_) return {};
    switch (packet.type) {
      case 3:
        if (packet.qos() == 0) return {};
        return {.bytes = packet.qos() == 1 ? mqtt::puback(packet.id) : mqtt::pubrec(packet.id)};
      case 6: return {.bytes = mqtt::pubcomp(packet.id)};
      case 8: return {.bytes = mqtt::suback(k311, packet.id, "\x01")};
      case 12: return {.bytes = mqtt::pingresp()};
      default: return {};
    }
  }
  Act on_silence(Conversation& with) override {
    if (silent_ || waiting_.erase(with.client_id) == 0) return {};
    return {.bytes = mqtt::connack(core::ProtocolVersion::kMqtt311)};
  }

  void answer_from_now_on() { silent_ = false; }
  std::size_t publishers() const { return publishers_; }

 private:
  const unsigned left_out_;
  std::atomic<bool> silent_{true};
  std::atomic<std::size_t> publishers_{0};
  std::set<std::string> clients_;  ///< that have had a connection; of the broker's thread
  std::set<std::string> waiting_;  ///< for CONNACK; of the broker's thread
};

class SilentBroker : public ::testing::Test {
 protected:
  std::unique_ptr<ComponentClient> connect(const HostileBroker& broker) {
    auto client = std::make_unique<ComponentClient>(component_.address());
    const grpc::Status status =
        client->init({{"url", "tcp://127.0.0.1:" + std::to_string(broker.port())},
                      {"consumerID", "app"},
                      {"publishTimeout", "2s"}});
    EXPECT_TRUE(status.ok()) << status.error_message();
    return client;
  }
  ComponentProcess component_;
};

TEST_F(SilentBroker, that_acknowledges_no_publish_is_left_and_the_topic_named) {
  for (const unsigned packet : {3U, 6U}) {  // PUBACK and PUBREC, PUBCOMP
    SilentScript script(packet);
    HostileBroker broker(core::ProtocolVersion::kMqtt311, script);
    const auto client = connect(broker);
    std::vector<std::future<grpc::Status>> calls;
    for (int i = 0; i < 50; ++i) {
      calls.push_back(std::async(std::launch::async, [&client] {
        return client->publish("hangs", "x", {{"qos", "2"}});
      }));
    }
    for (auto& call : calls) {
      EXPECT_EQ(call.get().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    }
    ASSERT_TRUE(component_.process().wait_for_output(
        "connected, but the broker has sent no PUBREC or PUBCOMP for \\\"hangs\\\""));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (script.publishers() < 2 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    const grpc::Status ping = client->ping();
    EXPECT_THAT(ping.error_message(), AllOf(HasSubstr("PUBCOMP"), HasSubstr("\"hangs\"")));
    script.answer_from_now_on();
    const grpc::Status status = client->publish("goes", "x", {{"qos", "1"}});
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(client->ping().ok());
  }
}

TEST_F(SilentBroker, that_answers_no_subscription_is_left_and_the_filter_named) {
  SilentScript script(8);
  HostileBroker broker(core::ProtocolVersion::kMqtt311, script);
  const auto client = connect(broker);
  const auto stream = client->pull("hangs/#");
  ASSERT_TRUE(component_.process().wait_for_output(
      "connected, but the broker has sent no SUBACK for \\\"hangs/#\\\""));
  EXPECT_THAT(client->ping().error_message(), HasSubstr("\"hangs/#\""));
  script.answer_from_now_on();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!client->ping().ok() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(client->ping().ok());
}

}  // namespace
}  // namespace dapr_mqtt::testing
