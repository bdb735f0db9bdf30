#include "dapr_mqtt/credentials/credential_keeper.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::credentials {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A keeper whose files and time are set by the test.
class CredentialKeeperTest : public ::testing::Test {
 protected:
  static Credentials with(const std::string& password, const std::string& ca = "ca") {
    Credentials out;
    out.password = base::Secret(password);
    out.tls.ca_pem = ca;
    return out;
  }
  /// Connected with the credentials in the files.
  void connect() {
    auto found = keeper_.for_attempt();
    ASSERT_TRUE(found.ok());
    keeper_.accepted(found.value());
  }
  /// The result of look() after another second.
  std::string look() {
    now_ += CredentialKeeper::kLookEvery;
    const auto found = keeper_.look(now_);
    return found ? found->password.reveal() : "-";
  }

  base::Result<Credentials> files_ = with("one");
  base::TimePoint now_{};
  CredentialKeeper keeper_{[this] { return files_; }, true};
};

TEST_F(CredentialKeeperTest, Renews_when_two_looks_have_found_the_same_change) {
  connect();
  EXPECT_EQ(look(), "-");
  files_ = with("tw");  // half written
  EXPECT_EQ(look(), "-");
  files_ = with("two");
  EXPECT_EQ(look(), "-");
  EXPECT_EQ(look(), "two");
  connect();
  EXPECT_EQ(look(), "-");
  EXPECT_TRUE(keeper_.problem().ok());
}

TEST_F(CredentialKeeperTest, Change_that_is_taken_back_costs_nothing) {
  connect();
  files_ = with("two");
  EXPECT_EQ(look(), "-");
  files_ = with("one");
  EXPECT_EQ(look(), "-");
  files_ = with("two");
  EXPECT_EQ(look(), "-");
  EXPECT_EQ(look(), "two");
}

TEST_F(CredentialKeeperTest, Unusable_files_are_reported_only_when_they_stay_so) {
  connect();
  files_ = base::failed_precondition("clientKeyFile /k: is empty");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look(), "-");
  EXPECT_TRUE(keeper_.problem().ok());
  EXPECT_EQ(look(), "-");
  EXPECT_THAT(keeper_.problem().message(), AllOf(HasSubstr("clientKeyFile /k: is empty"),
                                                 HasSubstr("goes on with the earlier ones")));
  files_ = with("one");
  EXPECT_EQ(look(), "-");
  EXPECT_TRUE(keeper_.problem().ok());
}

TEST_F(CredentialKeeperTest,
       Connection_that_broke_comes_back_with_the_earlier_ones_while_files_are_unusable) {
  connect();
  files_ = base::failed_precondition("passwordFile /p: is empty");
  const auto found = keeper_.for_attempt();
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value().password.reveal(), "one");
  keeper_.accepted(found.value());
  EXPECT_THAT(keeper_.problem().message(), HasSubstr("passwordFile /p: is empty"));
}

TEST_F(CredentialKeeperTest, First_attempt_fails_with_the_reason) {
  files_ = base::failed_precondition("passwordFile /p: is empty");
  EXPECT_EQ(keeper_.for_attempt().status().message(), "passwordFile /p: is empty");
}

TEST_F(CredentialKeeperTest, Refused_ones_leave_the_earlier_ones_in_use_and_are_tried_again_later) {
  connect();
  files_ = with("two");
  look();
  EXPECT_EQ(look(), "two");
  const auto earlier = keeper_.refused(with("two"), base::unauthenticated("not authorized"), now_);
  ASSERT_TRUE(earlier);
  EXPECT_EQ(earlier->password.reveal(), "one");
  keeper_.accepted(*earlier);
  EXPECT_THAT(keeper_.problem().message(), HasSubstr("not authorized"));
  const base::TimePoint refused_at = now_;
  std::string found = "-";
  while (found == "-" && now_ - refused_at < CredentialKeeper::kLastRetry) found = look();
  EXPECT_EQ(found, "two");
  EXPECT_GE(now_ - refused_at, CredentialKeeper::kFirstRetry);
  EXPECT_LE(now_ - refused_at, CredentialKeeper::kFirstRetry + seconds(2));
  // Twice as long after the second refusal, and at once when the broker accepts them.
  keeper_.refused(with("two"), base::unauthenticated("not authorized"), now_);
  for (int i = 0; i < 58; ++i) EXPECT_EQ(look(), "-");
  keeper_.accepted(with("two"));
  EXPECT_TRUE(keeper_.problem().ok());
}

TEST_F(CredentialKeeperTest, Others_than_the_refused_ones_are_tried_at_once) {
  connect();
  files_ = with("two");
  keeper_.accepted(*keeper_.refused(with("two"), base::unauthenticated("no"), now_));
  files_ = with("three");
  EXPECT_EQ(look(), "-");
  EXPECT_EQ(look(), "three");
}

TEST_F(CredentialKeeperTest, Trust_in_a_ca_is_never_what_it_was_before) {
  connect();
  const auto earlier =
      keeper_.refused(with("two", "another ca"), base::unauthenticated("no"), now_);
  ASSERT_TRUE(earlier);
  EXPECT_EQ(earlier->tls.ca_pem, "another ca");
  EXPECT_EQ(earlier->password.reveal(), "one");
}

TEST_F(CredentialKeeperTest, Refusal_without_earlier_ones_leaves_nothing_to_go_on_with) {
  EXPECT_FALSE(keeper_.refused(with("one"), base::unauthenticated("no"), now_));
  connect();
  EXPECT_FALSE(keeper_.refused(with("one"), base::unauthenticated("expired"), now_));
}

}  // namespace
}  // namespace dapr_mqtt::credentials
