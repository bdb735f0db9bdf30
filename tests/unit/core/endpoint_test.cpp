#include <gtest/gtest.h>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::core {
namespace {

TEST(Endpoint, Is_shown_as_a_url) {
  EXPECT_EQ((Endpoint{Transport::kTcp, "h", 1883, ""}.str()), "tcp://h:1883");
  EXPECT_EQ((Endpoint{Transport::kTls, "h", 8883, ""}.str()), "ssl://h:8883");
  EXPECT_EQ((Endpoint{Transport::kWebSocket, "h", 80, "/mqtt"}.str()), "ws://h:80/mqtt");
  EXPECT_EQ((Endpoint{Transport::kWebSocketTls, "h", 443, "/"}.str()), "wss://h:443/");
  EXPECT_EQ((Endpoint{Transport::kTcp, "::1", 1, ""}.str()), "tcp://[::1]:1");
}

TEST(Endpoint, Is_shown_without_the_query_of_its_path) {
  EXPECT_EQ((Endpoint{Transport::kWebSocketTls, "h", 443, "/mqtt?signature=secret"}.str()),
            "wss://h:443/mqtt?***");
}

TEST(Endpoint, Uses_tls_with_the_schemes_that_say_so) {
  EXPECT_FALSE((Endpoint{Transport::kTcp, "h", 1, ""}.uses_tls()));
  EXPECT_FALSE((Endpoint{Transport::kWebSocket, "h", 1, ""}.uses_tls()));
  EXPECT_TRUE((Endpoint{Transport::kTls, "h", 1, ""}.uses_tls()));
  EXPECT_TRUE((Endpoint{Transport::kWebSocketTls, "h", 1, ""}.uses_tls()));
}

}  // namespace
}  // namespace dapr_mqtt::core
