// Which key an entry of the metadata means.
#include "parsed.h"

namespace dapr_mqtt::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Spelling, Takes_keys_in_any_case) {
  const ComponentSettings settings = settings_of(
      {{"URL", "tcp://h"}, {"ConsumerID", "x"}, {"QOS", "1"}, {"backoffMaxRetries", "7"}});
  EXPECT_EQ(settings.qos, core::QoS::kAtLeastOnce);
  EXPECT_EQ(settings.max_retries, 7);
  EXPECT_EQ(settings.connection.client_id, "x");
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(Spelling, Prefers_the_users_consumer_id_to_the_one_daprd_adds) {
  const auto id = [](const char* users_key) {
    return settings_of(metadata({{"consumerID", "app-id"}, {users_key, "mine"}}));
  };
  EXPECT_EQ(id("consumerId").connection.client_id, "mine");
  EXPECT_THAT(id("consumerId").warnings, IsEmpty());
  EXPECT_EQ(id("consumerid").connection.client_id, "mine");
  EXPECT_EQ(id("ConsumerID").connection.client_id, "mine");  // sorts before daprd's
  EXPECT_EQ(id("clientID").connection.client_id, "mine");
  EXPECT_EQ(id("clientid").connection.client_id, "mine");
  EXPECT_THAT(id("clientid").warnings,
              ElementsAre(HasSubstr("\"clientid\" is taken for consumerID")));
}

TEST(Spelling, Takes_daprds_consumer_id_when_the_users_is_blank) {
  EXPECT_EQ(
      settings_of(metadata({{"consumerID", "app-id"}, {"consumerId", " "}})).connection.client_id,
      "app-id");
}

TEST(Spelling, Refuses_two_consumer_ids_of_the_user_that_differ) {
  EXPECT_THAT(
      problem_of(metadata({{"consumerId", "a"}, {"clientid", "b"}})),
      HasSubstr("consumerID: given as \"clientid\" and as \"consumerId\" with different values"));
}

TEST(Spelling, Warns_of_a_key_given_twice_with_one_value) {
  const ComponentSettings settings = settings_of(metadata({{"qos", "1"}, {"QoS", " 1 "}}));
  EXPECT_EQ(settings.qos, core::QoS::kAtLeastOnce);
  EXPECT_THAT(settings.warnings,
              ElementsAre("qos: given as \"QoS\" and as \"qos\"; one of them is enough"));
}

TEST(Spelling, Refuses_a_key_given_twice_with_two_values_without_showing_them) {
  const std::string text =
      problem_of(metadata({{"password", "one"}, {"Password", "two"}, {"username", "u"}}));
  EXPECT_THAT(text,
              HasSubstr("password: given as \"Password\" and as \"password\" with different"));
  EXPECT_THAT(text, Not(HasSubstr("one\"")));
  EXPECT_THAT(text, Not(HasSubstr("two")));
}

TEST(Spelling, Warns_of_unknown_keys_with_the_nearest_known_one) {
  EXPECT_THAT(
      settings_of(metadata({{"backOffMaxRetry", "1"}, {"frobnicate", "secret"}})).warnings,
      ElementsAre(
          "unknown metadata key \"backOffMaxRetry\" is ignored; did you mean backOffMaxRetries?",
          "unknown metadata key \"frobnicate\" is ignored"));
}

TEST(Spelling, Takes_keys_of_later_versions_for_unknown) {
  for (const char* key : {"enhancedAuthentication", "topicAliasMaximum"}) {
    EXPECT_THAT(settings_of(metadata({{key, "5"}})).warnings,
                ElementsAre(HasSubstr("unknown metadata key \"" + std::string(key))));
  }
}

TEST(Spelling, Ignores_the_scopes_that_daprd_passes_on) {
  EXPECT_THAT(settings_of(metadata({{"allowedTopics", "a,b"},
                                    {"publishingScopes", "app=a"},
                                    {"subscriptionScopes", "app=b"},
                                    {"protectedTopics", "b"}}))
                  .warnings,
              IsEmpty());
}

TEST(Spelling, Bounds_the_warnings_and_their_length) {
  core::Metadata given = metadata();
  for (int i = 0; i < 1000; ++i) given[std::string(10'000, '\x02') + std::to_string(i)] = "x";
  const ComponentSettings settings = settings_of(given);
  ASSERT_EQ(settings.warnings.size(), 21U);
  EXPECT_EQ(settings.warnings.back(), "980 more unknown metadata keys are ignored");
  EXPECT_LT(settings.warnings.front().size(), 400U);
}

}  // namespace
}  // namespace dapr_mqtt::config
