#include "dapr_mqtt/credentials/expiry_watch.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::credentials {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using What = core::CredentialExpiry::What;
using std::chrono::hours;
using std::chrono::minutes;

const base::WallTime kNow{hours(24 * 365 * 50)};

TEST(ExpiryWatch, Warns_of_a_certificate_from_fourteen_days_on_once_a_day) {
  ExpiryWatch watch;
  const auto at = kNow + hours(14 * 24) + minutes(1);
  EXPECT_THAT(watch.due({{What::kClientCertificate, at}}, {}, kNow), IsEmpty());
  const auto later = kNow + minutes(2);
  EXPECT_THAT(watch.due({{What::kClientCertificate, at}}, {}, later),
              ElementsAre(HasSubstr("the client certificate expires in 13 days")));
  EXPECT_THAT(watch.due({{What::kClientCertificate, at}}, {}, later + hours(23)), IsEmpty());
  EXPECT_THAT(watch.due({{What::kClientCertificate, at}}, {}, later + hours(24)),
              ElementsAre(HasSubstr("expires in 12 days")));
  EXPECT_THAT(watch.due({{What::kClientCertificate, at}}, {}, later + hours(24 * 20)),
              ElementsAre(HasSubstr("the client certificate expired at ")));
}

TEST(ExpiryWatch, Warns_once_more_when_it_has_expired) {
  ExpiryWatch watch;
  const auto at = kNow + minutes(1);
  const std::vector<core::CredentialExpiry> ca{{What::kCaCertificate, at}};
  EXPECT_THAT(watch.due(ca, {}, kNow), ElementsAre(HasSubstr("expires in 60 s")));
  EXPECT_THAT(watch.due(ca, {}, at), ElementsAre(HasSubstr("the CA certificate expired at ")));
  EXPECT_THAT(watch.due(ca, {}, at + hours(23)), IsEmpty());
}

TEST(ExpiryWatch, Warns_of_each_and_of_a_new_one_at_once) {
  ExpiryWatch watch;
  const auto soon = kNow + hours(3);
  EXPECT_THAT(watch.due({{What::kCaCertificate, soon}, {What::kBrokerCertificate, soon}}, {}, kNow),
              ElementsAre(HasSubstr("the CA certificate expires in 3 hours"),
                          HasSubstr("the broker's certificate expires in 3 hours")));
  EXPECT_THAT(watch.due({{What::kBrokerCertificate, soon + hours(1)}}, {}, kNow),
              ElementsAre(HasSubstr("in 4 hours")));
}

TEST(ExpiryWatch, Token_is_late_when_a_tenth_of_its_life_is_left) {
  ExpiryWatch watch;
  const auto issued = kNow - minutes(50);
  EXPECT_THAT(watch.due({{What::kToken, kNow + minutes(10)}}, issued, kNow), IsEmpty());
  EXPECT_THAT(watch.due({{What::kToken, kNow + minutes(10)}}, issued, kNow + minutes(5)),
              ElementsAre(HasSubstr("the token expires in 5 minutes")));
  ExpiryWatch without_begin;
  EXPECT_THAT(without_begin.due({{What::kToken, kNow + minutes(6)}}, {}, kNow), IsEmpty());
  EXPECT_THAT(without_begin.due({{What::kToken, kNow + minutes(4)}}, {}, kNow),
              ElementsAre(HasSubstr("has not been renewed")));
}

}  // namespace
}  // namespace dapr_mqtt::credentials
