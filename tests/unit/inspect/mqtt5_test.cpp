#include "inspect/mqtt5.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::inspect {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

core::BrokerLimits poor_broker() {
  core::BrokerLimits limits;
  limits.maximum_qos = core::QoS::kAtMostOnce;
  limits.retain_available = false;
  limits.shared_available = false;
  limits.wildcards_available = false;
  limits.subscription_ids_available = false;
  return limits;
}

TEST(Limits, of_a_broker_that_says_nothing_are_the_protocols) {
  EXPECT_EQ(
      describe({}),
      "maximum qos 2; has shared subscriptions, wildcards, subscription identifiers, retained "
      "messages; receive maximum 65535; topic alias maximum 0; maximum packet size unlimited");
}

TEST(Limits, name_what_the_broker_lacks_and_changes) {
  core::BrokerLimits limits = poor_broker();
  limits.receive_maximum = 10;
  limits.topic_alias_maximum = 3;
  limits.maximum_packet_size = 1000;
  limits.server_keep_alive = seconds(15);
  limits.session_expiry = seconds(60);
  limits.assigned_client_id = "a\nb";
  EXPECT_EQ(
      describe(limits),
      "maximum qos 0; lacks shared subscriptions, wildcards, subscription identifiers, retained "
      "messages; receive maximum 10; topic alias maximum 3; maximum packet size 1000 bytes; "
      "server keep alive 15 s; session expiry interval 60 s; client ID assigned \"a\\nb\"");
  limits.session_expiry = core::kSessionNeverExpires;
  EXPECT_THAT(describe(limits), HasSubstr("session expiry interval for ever"));
}

TEST(Contradictions, are_none_where_the_component_asks_for_nothing_of_it) {
  EXPECT_THAT(contradictions(poor_broker(), {}), IsEmpty());
  const core::Will will{
      core::TopicName::parse("w").value(), "", core::QoS::kAtMostOnce, false, {}, {}, {}};
  Wanted modest;
  modest.will = will;
  EXPECT_THAT(contradictions(poor_broker(), modest), IsEmpty());
}

TEST(Contradictions, name_each_setting) {
  const core::Will will{
      core::TopicName::parse("w").value(), "", core::QoS::kAtLeastOnce, true, {}, {}, {}};
  const Wanted everything{core::QoS::kExactlyOnce, true, "g", will};
  EXPECT_THAT(contradictions({}, everything), IsEmpty());
  EXPECT_THAT(contradictions(poor_broker(), everything),
              UnorderedElementsAre(
                  HasSubstr("lower qos from 2 to 0"), HasSubstr("set retain to false"),
                  HasSubstr("consumerGroup cannot be used"), HasSubstr("lower willQos from 1"),
                  HasSubstr("set willRetain to false")));
  Wanted qos1;
  qos1.qos = core::QoS::kAtLeastOnce;
  EXPECT_THAT(contradictions(poor_broker(), qos1),
              ElementsAre("the broker takes qos 0 at the most: lower qos from 1 to 0"));
}

TEST(Session, is_shorter_when_the_broker_says_less_than_was_asked_for) {
  core::ConnectionOptions connection;
  core::BrokerLimits limits;
  EXPECT_EQ(shorter_session(limits, connection), "");
  limits.session_expiry = seconds(3600);
  EXPECT_EQ(shorter_session(limits, connection),
            "the broker keeps it for 3600 s (session expiry interval), not for ever");
  connection.session_expiry = seconds(7200);
  EXPECT_THAT(shorter_session(limits, connection),
              HasSubstr("for 3600 s (session expiry interval), not for the 7200 s"));
  connection.session_expiry = seconds(3600);
  EXPECT_EQ(shorter_session(limits, connection), "");
  connection.session_expiry.reset();
  limits.session_expiry = seconds(0x7FFF'FFFF);  // the most that we can ask for
  EXPECT_EQ(shorter_session(limits, connection), "");
}

}  // namespace
}  // namespace dapr_mqtt::inspect
