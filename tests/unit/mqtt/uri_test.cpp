#include <gtest/gtest.h>

#include "mqtt/paho_client.h"

namespace dapr_mqtt::mqtt {
namespace {

std::string uri(core::Transport transport, const char* host, const char* path = "") {
  core::Endpoint endpoint;
  endpoint.transport = transport;
  endpoint.host = host;
  endpoint.port = 1234;
  endpoint.path = path;
  return paho_uri(endpoint);
}

TEST(PahoUri, Each_transport_has_its_scheme) {
  EXPECT_EQ(uri(core::Transport::kTcp, "h"), "tcp://h:1234");
  EXPECT_EQ(uri(core::Transport::kTls, "h"), "ssl://h:1234");
  EXPECT_EQ(uri(core::Transport::kWebSocket, "h", "/mqtt"), "ws://h:1234/mqtt");
  EXPECT_EQ(uri(core::Transport::kWebSocketTls, "h", "/mqtt"), "wss://h:1234/mqtt");
}

TEST(PahoUri, Ipv6_goes_without_brackets_where_the_certificate_is_compared) {
  EXPECT_EQ(uri(core::Transport::kTls, "::1"), "ssl://::1:1234");
  EXPECT_EQ(uri(core::Transport::kWebSocket, "::1", "/"), "ws://[::1]:1234/");
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
