// The executable with hostile brokers: what ended the process while Paho read from the broker
// itself, one Component for each of them, beside a healthy one.
#include <atomic>
#include <thread>

#include "fault/hostile_broker.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using core::ProtocolVersion;

/// Accepts every connection. Once the client has subscribed or published twice, it gets the
/// killer that its client ID names.
class KillerScript final : public HostileScript {
 public:
  explicit KillerScript(ProtocolVersion protocol) : protocol_(protocol) {}

  Act on_packet(Conversation& with, const mqtt::ClientPacket& packet) override {
    if (packet.type == 1) return {.bytes = mqtt::connack(protocol_)};
    const bool subscribes = packet.type == 8;
    if (!subscribes && with.requests < 2) return {};
    const std::size_t number = number_of(with.client_id);
    (subscribes ? to_consumers_ : to_publishers_) |= 1U << number;
    ++sent_;
    return {.bytes = kKillers.at(number), .last = true};
  }
  Act on_silence(Conversation&) override { return {}; }

  /// Any thread: whether each killer was sent.
  bool each_to_publishers() const { return every(to_publishers_); }
  bool each_to_consumers() const { return every(to_consumers_); }
  std::size_t sent() const { return sent_; }

  static const std::vector<std::string> kKillers;

 private:
  static bool every(unsigned killers) { return killers == (1U << kKillers.size()) - 1; }
  /// Client IDs begin "killer-<number>".
  static std::size_t number_of(const std::string& client_id) {
    return static_cast<std::size_t>(std::stoi(client_id.substr(client_id.find('-') + 1)));
  }

  const ProtocolVersion protocol_;
  std::atomic<unsigned> to_publishers_{0};  // a bit for each
  std::atomic<unsigned> to_consumers_{0};
  std::atomic<std::size_t> sent_{0};
};

const std::vector<std::string> KillerScript::kKillers = known_killers();

class HostileComponent : public ComponentTest,
                         public ::testing::WithParamInterface<ProtocolVersion> {
 protected:
  static std::string version() { return GetParam() == ProtocolVersion::kMqtt5 ? "5" : "3.1.1"; }
  void expect_undisturbed(ComponentClient& healthy, PullStream& stream) {
    const std::string data = std::to_string(++healthy_);
    const grpc::Status status = healthy.publish("t", data);
    ASSERT_TRUE(status.ok()) << status.error_message();
    const auto message = stream.next();
    ASSERT_TRUE(message);
    ASSERT_EQ(message->data(), data);
    stream.ack(message->id());
  }

  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

  int healthy_ = 0;
};

TEST_P(HostileComponent, Known_killers_end_neither_the_process_nor_the_healthy_connection) {
  const auto healthy =
      connect(metadata({{"consumerID", "healthy"}, {"protocolVersion", version()}}), "healthy");
  const auto healthy_stream = healthy->pull("t");
  ASSERT_NO_FATAL_FAILURE(expect_undisturbed(*healthy, *healthy_stream));

  KillerScript script(GetParam());
  HostileBroker hostile(GetParam(), script);
  const std::size_t killers = KillerScript::kKillers.size();
  std::vector<std::unique_ptr<ComponentClient>> clients;
  std::vector<std::unique_ptr<PullStream>> streams;
  std::vector<std::thread> publishers;
  for (std::size_t i = 0; i < killers; ++i) {
    const std::string name = "killer-" + std::to_string(i);
    clients.push_back(connect({{"url", "tcp://127.0.0.1:" + std::to_string(hostile.port())},
                               {"consumerID", name},
                               {"protocolVersion", version()},
                               {"qos", "1"}},
                              name));
    // Two at a time, of both kinds; what becomes of them is the broker's to say.
    for (const char* qos : {"1", "2"}) {
      publishers.emplace_back([&client = *clients.back(), qos] {
        static_cast<void>(
            client.publish("t", "x", {{"qos", qos}}, std::chrono::milliseconds(1500)));
      });
    }
    ASSERT_NO_FATAL_FAILURE(expect_undisturbed(*healthy, *healthy_stream));
  }
  for (std::thread& publisher : publishers) publisher.join();
  EXPECT_TRUE(script.each_to_publishers());
  // Not before: a publish waits for the subscriptions of its Component.
  for (const auto& client : clients) streams.push_back(client->pull("t"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto all_came = [&] {
    return script.each_to_consumers() && hostile.streams() >= script.sent();
  };
  while (!all_came() && std::chrono::steady_clock::now() < deadline) {
    ASSERT_NO_FATAL_FAILURE(expect_undisturbed(*healthy, *healthy_stream));
  }
  EXPECT_TRUE(all_came());
  EXPECT_EQ(hostile.stuck(), 0U);
  ASSERT_NO_FATAL_FAILURE(expect_undisturbed(*healthy, *healthy_stream));
  EXPECT_TRUE(component->process().running());

  EXPECT_TRUE(component->process().wait_for_output("malformed SUBACK from the broker"));
  EXPECT_TRUE(component->process().wait_for_output("unexpected CONNACK from the broker"));
  EXPECT_EQ(count(broker->log(), " as healthy"), 2U) << "each of its connections was made once";
}

INSTANTIATE_TEST_SUITE_P(Mqtt, HostileComponent,
                         ::testing::Values(ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5),
                         [](const auto& each) {
                           return each.param == ProtocolVersion::kMqtt5 ? "mqtt5" : "mqtt311";
                         });

}  // namespace
}  // namespace dapr_mqtt::testing
