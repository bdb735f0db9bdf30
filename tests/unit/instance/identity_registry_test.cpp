#include "instance/identity_registry.h"

#include <gmock/gmock.h>

#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

using std::chrono::seconds;

class IdentityRegistryTest : public ::testing::Test {
 protected:
  using Answer =
      std::shared_ptr<std::optional<base::Result<std::shared_ptr<IdentityRegistry::Claim>>>>;

  Answer claim(const std::string& identity, const std::string& owner) {
    auto answer =
        std::make_shared<std::optional<base::Result<std::shared_ptr<IdentityRegistry::Claim>>>>();
    registry.claim(identity, owner, executor.now() + seconds(4),
                   [answer](auto result) { answer->emplace(std::move(result)); });
    executor.run();
    return answer;
  }

  dapr_mqtt::testing::ManualExecutor executor;
  IdentityRegistry registry{executor};
};

TEST_F(IdentityRegistryTest, grants_a_free_identity_at_once) {
  const auto a = claim("broker\nx", "one");
  const auto b = claim("broker\ny", "two");
  EXPECT_TRUE((*a)->ok());
  EXPECT_TRUE((*b)->ok());
}

TEST_F(IdentityRegistryTest, grants_one_in_use_when_its_owner_lets_go) {
  auto first = claim("x", "one");
  auto second = claim("x", "two");
  auto third = claim("x", "three");
  EXPECT_FALSE(second->has_value());
  first->reset();
  executor.run();
  ASSERT_TRUE(second->has_value() && (*second)->ok());
  EXPECT_FALSE(third->has_value());
  second->reset();
  executor.run();
  EXPECT_TRUE(third->has_value() && (*third)->ok());
}

TEST_F(IdentityRegistryTest, names_the_key_that_sets_the_client_id) {
  const auto first = claim("x", "orders");
  std::string problem;
  registry.claim(
      "x", "other", executor.now() + seconds(4),
      [&](auto result) { problem = result.status().message(); }, "clientIdPublisher");
  executor.run();
  executor.advance(seconds(4));
  EXPECT_THAT(problem, ::testing::HasSubstr("this clientIdPublisher is in use"));
}

TEST_F(IdentityRegistryTest, names_the_owner_and_the_remedy_when_the_wait_is_over) {
  const auto first = claim("x", "orders");
  const auto second = claim("x", "other");
  executor.advance(seconds(4));
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT((*second)->status().message(),
              ::testing::AllOf(::testing::HasSubstr("\"orders\""), ::testing::HasSubstr("{uuid}")));
}

}  // namespace
}  // namespace dapr_mqtt::instance
