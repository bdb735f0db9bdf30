#include "instance/client_identity.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::instance {
namespace {

core::ConnectionOptions options(std::vector<core::Endpoint> endpoints, std::string id) {
  core::ConnectionOptions made;
  made.endpoints = std::move(endpoints);
  made.client_id = std::move(id);
  return made;
}

const core::Endpoint kA{core::Transport::kTcp, "a", 1883, ""};
const core::Endpoint kB{core::Transport::kTls, "b", 8883, ""};

TEST(ClientIdentity, is_the_brokers_in_any_order_and_the_client_id) {
  EXPECT_EQ(identity_of(options({kA, kB}, "x")), identity_of(options({kB, kA}, "x")));
  EXPECT_NE(identity_of(options({kA}, "x")), identity_of(options({kB}, "x")));
  EXPECT_NE(identity_of(options({kA}, "x")), identity_of(options({kA}, "y")));
}

TEST(ClientIdentity, gives_each_publisher_an_id_of_its_own) {
  EXPECT_THAT(publisher_client_id("orders"), ::testing::MatchesRegex("orders-pub-[0-9a-f]{8}"));
  EXPECT_NE(publisher_client_id("orders"), publisher_client_id("orders"));
}

TEST(ClientIdentity, gives_the_first_consumer_the_consumer_id_itself) {
  EXPECT_EQ(consumer_client_id("orders", 0), "orders");
  EXPECT_EQ(consumer_client_id("orders", 2), "orders-overlap-2");
}

}  // namespace
}  // namespace dapr_mqtt::instance
