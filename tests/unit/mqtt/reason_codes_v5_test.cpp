#include "mqtt/reason_codes_v5.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const core::TopicFilter kFilter = core::TopicFilter::parse("a/#").value();

TEST(ReasonCodesV5, Text_has_name_number_and_the_brokers_words_escaped) {
  EXPECT_THAT(publish_refused({0x97, "no\nmore"}, "t").message(),
              AllOf(HasSubstr("\"t\""), HasSubstr("quota exceeded"), HasSubstr("0x97"),
                    HasSubstr("\"no\\nmore\""), Not(HasSubstr("\n"))));
  EXPECT_THAT(publish_refused({0x97}, "t").message(), HasSubstr("(reason code 0x97)"));
  EXPECT_THAT(publish_refused({0xF3}, "t").message(),
              HasSubstr("unknown reason (reason code 0xF3)"));
}

TEST(ReasonCodesV5, Refused_publish_is_never_unavailable_else_it_would_be_sent_for_ever) {
  for (int code = 0x80; code <= 0xFF; ++code) {
    EXPECT_NE(publish_refused({code}, "t").kind(), ErrorKind::kUnavailable) << code;
    EXPECT_FALSE(publish_refused({code}, "t").ok()) << code;
  }
  EXPECT_EQ(publish_refused({0x87}, "t").kind(), ErrorKind::kPermissionDenied);
}

TEST(ReasonCodesV5, Refused_subscription_never_looks_like_a_broken_connection) {
  for (int code = 0x80; code <= 0xFF; ++code) {
    const auto kind = subscription_refused({code}, kFilter).kind();
    EXPECT_NE(kind, ErrorKind::kUnavailable) << code;
    EXPECT_NE(kind, ErrorKind::kCancelled) << code;
    EXPECT_NE(kind, ErrorKind::kOk) << code;
  }
  EXPECT_THAT(subscription_refused({0x87}, kFilter).message(),
              AllOf(HasSubstr("\"a/#\""), HasSubstr("access control list")));
}

TEST(ReasonCodesV5, Broker_without_mqtt5_is_told_by_its_own_code_and_by_the_new_one) {
  for (const int code : {1, 2, 5, 0x84}) {
    EXPECT_EQ(connect_refused({code}, "c").kind(), ErrorKind::kFailedPrecondition) << code;
    EXPECT_THAT(connect_refused({code}, "c").message(), HasSubstr("protocolVersion")) << code;
  }
}

TEST(ReasonCodesV5, Redirect_names_the_other_server) {
  for (const int code : {0x9C, 0x9D}) {
    const Reason reason{code, "", "other:8883"};
    EXPECT_THAT(connect_refused(reason, "c").message(), HasSubstr("set url to \"other:8883\""));
    EXPECT_THAT(disconnected_by_broker(reason, "c").message(),
                HasSubstr("set url to \"other:8883\""));
    EXPECT_THAT(connect_refused({code}, "c").message(), HasSubstr("set url to another server"));
  }
}

TEST(ReasonCodesV5, Take_over_may_be_the_brokers_one_connection_a_user) {
  EXPECT_THAT(disconnected_by_broker({0x8E}, "c").message(), HasSubstr("use_username_as_clientid"));
}

TEST(ReasonCodesV5, Disconnect_is_always_unavailable_and_names_a_take_over) {
  for (const int code : {0x00, 0x8B, 0x8D, 0x8E, 0xFF}) {
    EXPECT_EQ(disconnected_by_broker({code}, "c").kind(), ErrorKind::kUnavailable) << code;
  }
  EXPECT_THAT(disconnected_by_broker({0x8E}, "c").message(),
              AllOf(HasSubstr("session taken over"), HasSubstr("\"c\""), HasSubstr("{uuid}")));
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
