#include "dapr_mqtt/base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {
namespace {

TEST(NearestName, Finds_the_key_that_was_meant) {
  EXPECT_EQ(nearest_key("backOffMaxRetry"), "backOffMaxRetries");
  EXPECT_EQ(nearest_key("quos"), "qos");
  EXPECT_EQ(nearest_key("CLEANSESION"), "cleanSession");
  EXPECT_EQ(nearest_key("consumer_id"), "consumerID");
  EXPECT_EQ(nearest_key("keepAlive"), "");  // eight letters short: no slip
  EXPECT_EQ(nearest_key("caCrt"), "caCert");
  EXPECT_EQ(nearest_key("clientCrt"), "clientCert");
  EXPECT_EQ(nearest_key("user"), "");
}

TEST(NearestName, Suggests_nothing_for_another_word) {
  for (const char* name : {"", "x", "brokerCluster", "somethingElse"}) {
    EXPECT_EQ(nearest_key(name), "") << name;
  }
  EXPECT_EQ(nearest_key(std::string(100'000, 'u')), "");
}

TEST(NearestName, Takes_the_first_among_equals) {
  constexpr std::array<std::string_view, 2> kNames = {"aaax", "aaay"};
  EXPECT_EQ(base::nearest_name("aaaz", kNames), "aaax");
}

}  // namespace
}  // namespace dapr_mqtt::config
