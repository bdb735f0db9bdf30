// Which ID an event has when a broker uses a packet identifier again, for an equal payload.
#include <atomic>
#include <string>

#include "fault/hostile_broker.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

constexpr auto kVersion = core::ProtocolVersion::kMqtt311;

/// Sends one message with the identifier 1 on each connection that receives.
class OneMessage final : public HostileScript {
 public:
  Act on_packet(Conversation& with, const mqtt::ClientPacket& packet) override {
    const bool receives = with.client_id == "app";
    switch (packet.type) {
      case 1:
        if (!receives) return {.bytes = mqtt::connack(kVersion)};
        return {.bytes = subscribed_ ? mqtt::connack(kVersion, true) + message()
                                     : mqtt::connack(kVersion, false)};
      case 4: ++acknowledged_; return {};
      case 8: {
        std::string bytes =
            mqtt::suback(kVersion, packet.id, std::string(packet.filters.size(), '\x01'));
        if (!subscribed_.exchange(true)) bytes += message();
        return {.bytes = bytes};
      }
      case 10: return {.bytes = mqtt::acknowledgement(0xB0, packet.id)};
      case 12: return {.bytes = mqtt::pingresp()};
      default: return {};
    }
  }
  Act on_silence(Conversation&) override { return {}; }

  std::atomic<bool> duplicate{false};
  int acknowledged() const { return acknowledged_; }

 private:
  std::string message() const {
    return mqtt::publish(kVersion,
                         {.payload = "21.5", .qos = 1, .id = 1, .duplicate = duplicate.load()});
  }
  std::atomic<bool> subscribed_{false};
  std::atomic<int> acknowledged_{0};
};

class IdentifierUsedAgain : public ::testing::Test {
 protected:
  /// The event that another process gets; it is killed, with an acknowledgement before that if so.
  std::string event_of_next_process(bool duplicate, bool acknowledge = false) {
    script_.duplicate = duplicate;
    ComponentProcess component({.socket_folder = folder_.path()});
    ComponentClient client(component.address());
    const grpc::Status status =
        client.init({{"url", "tcp://127.0.0.1:" + std::to_string(broker_.port())},
                     {"consumerID", "app"},
                     {"cleanSession", "false"},
                     {"cloudEvents", "auto"},
                     {"qos", "1"}});
    EXPECT_TRUE(status.ok()) << status.error_message();
    const auto stream = client.pull("t");
    const auto message = stream->next();
    if (!message) return "none came; the component's log:\n" + component.process().output();
    if (acknowledge) {
      const int before = script_.acknowledged();
      stream->ack(message->id());
      const auto deadline = std::chrono::steady_clock::now() + kPatience;
      while (script_.acknowledged() == before && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
      }
      EXPECT_GT(script_.acknowledged(), before);
    }
    component.kill();
    return message->data();
  }

  TemporaryFolder folder_;
  OneMessage script_;
  HostileBroker broker_{kVersion, script_};
};

TEST_F(IdentifierUsedAgain, for_an_equal_payload_makes_another_event) {
  const std::string first = event_of_next_process(false);
  EXPECT_NE(first.find(R"("data":21.5)"), std::string::npos) << first;
  EXPECT_EQ(event_of_next_process(true), first) << "not acknowledged yet";
  EXPECT_EQ(event_of_next_process(true, true), first);
  // Its first PUBLISH was lost with a connection.
  const std::string second = event_of_next_process(true);
  EXPECT_NE(second, first) << "the identifier was free again";
  // The broker gave up that one, and has another with the identifier.
  const std::string third = event_of_next_process(false);
  EXPECT_NE(third, second);
  EXPECT_NE(third, first);
  EXPECT_EQ(event_of_next_process(true), third);
}

}  // namespace
}  // namespace dapr_mqtt::testing
