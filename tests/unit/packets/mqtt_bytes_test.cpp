// The builders and the parser that other tests rely on agree with each other.
#include <gmock/gmock.h>

#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::ElementsAre;

class MqttBytes : public ::testing::TestWithParam<ProtocolVersion> {};
INSTANTIATE_TEST_SUITE_P(Versions, MqttBytes, kVersions, version_name);

TEST_P(MqttBytes, client_packets_are_read_when_they_are_whole) {
  const mqtt::Publish message{
      .topic = "a/b", .payload = std::string(200, 'p'), .qos = 1, .id = 300};
  const std::string all = mqtt::connect(GetParam(), "me", true, 30) +
                          mqtt::publish(GetParam(), message) +
                          mqtt::subscribe(GetParam(), 7, {"x", "y/#"}) +
                          mqtt::unsubscribe(GetParam(), 8, {"x"}) + mqtt::puback(9);
  std::vector<mqtt::ClientPacket> packets;
  std::string arrived;
  for (const char byte : all) {
    arrived += byte;
    while (auto packet = mqtt::take_client_packet(GetParam(), arrived)) packets.push_back(*packet);
  }
  EXPECT_EQ(arrived, "");
  ASSERT_EQ(packets.size(), 5U);
  EXPECT_EQ(packets[0].type, 1U);
  EXPECT_EQ(packets[0].client_id, "me");
  EXPECT_EQ(packets[0].keep_alive, 30U);
  EXPECT_EQ(packets[1].topic, "a/b");
  EXPECT_EQ(packets[1].payload, std::string(200, 'p'));
  EXPECT_EQ(packets[1].qos(), 1U);
  EXPECT_EQ(packets[1].id, 300);
  EXPECT_THAT(packets[2].filters, ElementsAre("x", "y/#"));
  EXPECT_EQ(packets[3].id, 8);
  EXPECT_THAT(packets[3].filters, ElementsAre("x"));
  EXPECT_EQ(packets[4].type, 4U);
  EXPECT_EQ(packets[4].id, 9);
}

}  // namespace
}  // namespace dapr_mqtt::testing
