#include "mqtt/reason_codes.h"

#include <MQTTAsync.h>
#include <gmock/gmock.h>

namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;
using ::testing::HasSubstr;

TEST(ReasonCodes, Connack_says_what_is_wrong) {
  EXPECT_EQ(from_connack(1, "c").kind(), ErrorKind::kFailedPrecondition);
  EXPECT_EQ(from_connack(2, "c").kind(), ErrorKind::kInvalidArgument);
  EXPECT_THAT(from_connack(2, "bad\nid").message(), HasSubstr("\"bad\\nid\""));
  EXPECT_EQ(from_connack(3, "c").kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(from_connack(4, "c").kind(), ErrorKind::kUnauthenticated);
  EXPECT_EQ(from_connack(5, "c").kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(from_connack(5, "c").message(), HasSubstr("password"));
  EXPECT_THAT(from_connack(77, "c").message(), HasSubstr("77"));
}

TEST(ReasonCodes, Refused_identifier_names_the_keep_alive_too) {
  EXPECT_THAT(from_connack(2, "c").message(), HasSubstr("keepAliveInterval"));
}

TEST(ReasonCodes, Close_in_place_of_CONNACK_is_put_down_to_the_client_ID_only_when_it_is_odd) {
  EXPECT_THAT(why_no_connack("a\x01", false), HasSubstr("\"a\\x01\" has control characters"));
  const std::string plain = why_no_connack("app", false);
  EXPECT_THAT(plain, HasSubstr("without TLS?"));
  EXPECT_THAT(plain, HasSubstr("connection limit"));
  EXPECT_THAT(plain, HasSubstr("one connection for each user"));
  EXPECT_THAT(plain, HasSubstr("accept the client ID \"app\" (consumerID sets it)"));
  EXPECT_THAT(why_no_connack("app", true), ::testing::Not(HasSubstr("without TLS?")));
}

TEST(ReasonCodes, Refused_subscription_names_filter_and_remedy) {
  const auto status = subscription_refused(core::TopicFilter::parse("a/#").value());
  EXPECT_EQ(status.kind(), ErrorKind::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("\"a/#\""));
  EXPECT_THAT(status.message(), HasSubstr("access control list"));
}

TEST(ReasonCodes, Library_codes_become_kinds_that_a_caller_can_act_on) {
  EXPECT_EQ(from_paho(MQTTASYNC_DISCONNECTED, "x").kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(from_paho(MQTTASYNC_OPERATION_INCOMPLETE, "x").kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(from_paho(MQTTASYNC_NO_MORE_MSGIDS, "x").kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(from_paho(MQTTASYNC_MAX_BUFFERED_MESSAGES, "x").kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(from_paho(MQTTASYNC_BAD_UTF8_STRING, "x").kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(from_paho(MQTTASYNC_BAD_STRUCTURE, "x").kind(), ErrorKind::kInternal);
  EXPECT_THAT(from_paho(MQTTASYNC_DISCONNECTED, "publishing to \"t\"").message(),
              HasSubstr("publishing to \"t\""));
}

TEST(ReasonCodes, Name_the_key_that_sets_the_client_id) {
  EXPECT_EQ(key_of_client_id("orders"), "consumerID");
  EXPECT_EQ(key_of_client_id("orders-pub-1a2b3c4d"), "clientIdPublisher");
  EXPECT_EQ(key_of_client_id("orders-pub-1a2b3c4D"), "consumerID");
  EXPECT_EQ(key_of_client_id("-pub-"), "consumerID");
  EXPECT_THAT(from_connack(2, "orders-pub-1a2b3c4d").message(),
              HasSubstr("change clientIdPublisher"));
  EXPECT_THAT(why_no_connack("orders-pub-1a2b3c4d", true), HasSubstr("clientIdPublisher sets it"));
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
