// For any bytes: an answer without a secret in it, and no crash.
#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

#include "dapr_mqtt/config/keys.h"
#include "parsed.h"
#include "support/random_text.h"

namespace dapr_mqtt::config {
namespace {

constexpr int kRuns = 3'000;

TEST(RandomMetadata, Never_crashes_the_parser) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> pieces = {"tcp://",
                                           "ssl://",
                                           "ws://",
                                           "mqtt5://",
                                           "@",
                                           ":",
                                           "%",
                                           "%4",
                                           ",",
                                           "[",
                                           "]",
                                           "::1",
                                           "/",
                                           "?",
                                           "{uuid}",
                                           "-----BEGIN CERTIFICATE-----",
                                           "-----END CERTIFICATE-----",
                                           "-----BEGIN PRIVATE KEY-----",
                                           "-----END PRIVATE KEY-----",
                                           "\\n",
                                           "\\",
                                           "\n",
                                           "MIIB",
                                           "=",
                                           "true",
                                           "1",
                                           "-1",
                                           "5s",
                                           "1h",
                                           "99999999999999999999",
                                           ".",
                                           "ms",
                                           "\u00b5s",
                                           " ",
                                           "host",
                                           "user"};
  int accepted = 0;
  for (int run = 0; run < kRuns; ++run) {
    core::Metadata given;
    for (const KeyInfo& key : keys()) {
      if (random.below(8) == 0) given[random.with_random_case(key.name)] = random.text(pieces, 12);
    }
    if (random.below(2) == 0) given["url"] = "tcp://" + random.text({"h", "a", ":1", "u@"}, 4);
    if (random.below(2) == 0) given["consumerID"] = random.text(pieces, 3);
    if (random.below(4) == 0) given[random.text(pieces, 4)] = "x";
    if (random.below(20) == 0) given = {{"url", "tcp://h"}, {"consumerID", "a"}};
    const auto result = parse_component_metadata(given);
    if (result.ok()) {
      ++accepted;
      EXPECT_FALSE(result.value().connection.endpoints.empty());
      EXPECT_FALSE(result.value().connection.client_id.empty());
    } else {
      EXPECT_EQ(result.status().kind(), base::ErrorKind::kInvalidArgument);
      EXPECT_FALSE(result.status().message().empty());
    }
  }
  EXPECT_GT(accepted, 0);  // else the generator makes nothing that is valid
}

TEST(RandomMetadata, Never_shows_a_password_or_a_key) {
  testing::RandomText random(testing::seed_of_test());
  const std::string secret = "geheimnis";
  const std::vector<std::string> noise = {"tcp://", "h", "x", "[", "]", "?",
                                          "#",      "%", " ", ",", "/"};
  for (int run = 0; run < kRuns; ++run) {
    const core::Metadata given = {
        {"consumerID", "app"},
        {"qos", "9"},  // so that there is an error to look at
        {"url", "tcp://" + random.text(noise, 3) + ":" + secret + random.text(noise, 3) + "@" +
                    random.text(noise, 3)},
        {"password", secret + random.text(noise, 3)},
        {"clientKey", random.text(noise, 3) + secret},
    };
    const std::string text = parse_component_metadata(given).status().message();
    ASSERT_EQ(text.find(secret), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::config
