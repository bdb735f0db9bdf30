#include "dapr_mqtt/inspect/broker_check.h"

#include <gmock/gmock.h>

#include "inspect/link.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"

namespace dapr_mqtt::inspect {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::chrono::seconds kPatience{20};

class Check : public ::testing::Test {
 protected:
  Check() {
    options_.connection.client_id = "check";
    options_.topic = "t/1";
    options_.own_topic = true;
    options_.suffix = "1234";
    options_.timeout = std::chrono::milliseconds(200);
  }
  bool run() {
    return check_broker(broker_, base::Log(log_), options_,
                        {[this](const std::string& name) { begun_.push_back(name); },
                         [this](const Step& step) { steps_.push_back(step); }});
  }
  static core::ConnectionOptions client(const std::string& id) {
    core::ConnectionOptions options;
    options.client_id = id;
    return options;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Step& step : steps_) out.push_back(step.name);
    return out;
  }

  testing::LoopbackBroker broker_;
  testing::CapturedLog log_;
  BrokerCheckOptions options_;
  std::vector<std::string> begun_;
  std::vector<Step> steps_;
};

TEST_F(Check, goes_through_all_steps_and_leaves_no_connection) {
  options_.timeout = std::chrono::seconds(20);
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_THAT(names(), ElementsAre("connect", "mqtt 5", "subscribe", "qos 0", "qos 1", "qos 2",
                                   "size", "retained"));
  EXPECT_EQ(steps_.back().text, "kept, also for wildcards");
  EXPECT_EQ(begun_, names());
  EXPECT_THAT(broker_.connected_clients(), IsEmpty());
}

TEST_F(Check, stops_at_a_refused_connection_with_the_brokers_reason) {
  broker_.answer_connects_with(base::unauthenticated("bad user name or password"));
  EXPECT_FALSE(run());
  ASSERT_THAT(names(), ElementsAre("connect"));
  EXPECT_EQ(steps_[0].text, "bad user name or password");
  EXPECT_EQ(steps_[0].outcome, Outcome::kFailed);
}

TEST_F(Check, says_which_packet_a_silent_broker_does_not_answer) {
  broker_.hold_subscribes();
  broker_.hold_publishes(true);
  EXPECT_FALSE(run());
  ASSERT_GE(steps_.size(), 5U);
  EXPECT_EQ(steps_[2].text, "the broker does not answer SUBSCRIBE");
  EXPECT_THAT(steps_[4].text, HasSubstr("does not answer PUBLISH"));
}

TEST_F(Check, finds_a_broker_that_forgets_sessions) {
  // The broker in memory does.
  options_.timeout = std::chrono::seconds(20);
  options_.connection.clean_session = false;
  EXPECT_FALSE(run());
  EXPECT_EQ(steps_.back().name, "session");
  EXPECT_THAT(steps_.back().text,
              AllOf(HasSubstr("forgot the session"), HasSubstr("cleanSession")));
  EXPECT_THAT(broker_.connected_clients(), IsEmpty());
}

TEST_F(Check, shows_what_an_mqtt5_broker_says_of_itself) {
  core::BrokerLimits limits;
  limits.receive_maximum = 20;
  limits.shared_available = false;
  broker_.answer_mqtt5_with(limits);
  for (const auto version : {core::ProtocolVersion::kMqtt5, core::ProtocolVersion::kMqtt311}) {
    steps_.clear();
    options_.timeout = std::chrono::seconds(20);
    options_.connection.protocol = version;
    EXPECT_TRUE(run());
    const Step& step = steps_.at(1);
    EXPECT_EQ(step.outcome, Outcome::kPassed);
    EXPECT_THAT(step.text, AllOf(StartsWith("offered: "), HasSubstr("lacks shared subscriptions;"),
                                 HasSubstr("receive maximum 20")));
    ASSERT_TRUE(step.mqtt5);
    EXPECT_TRUE(step.mqtt5->offered);
    EXPECT_EQ(step.mqtt5->limits.receive_maximum, 20U);
    EXPECT_THAT(broker_.connected_clients(), IsEmpty());
  }
}

TEST_F(Check, passes_a_broker_without_mqtt5_when_that_is_not_asked_for) {
  options_.timeout = std::chrono::seconds(20);
  broker_.answer_mqtt5_with(base::failed_precondition("the broker does not speak MQTT 5"));
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.at(1).outcome, Outcome::kPassed);
  EXPECT_EQ(steps_.at(1).text, "not offered");
  ASSERT_TRUE(steps_.at(1).mqtt5);
  EXPECT_FALSE(steps_.at(1).mqtt5->offered);

  steps_.clear();
  broker_.answer_mqtt5_with(base::unavailable("the broker closed the connection"));
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.at(1).text,
            "not offered: the broker refuses an MQTT 5 CONNECT or does not answer it");
  EXPECT_FALSE(steps_.at(1).mqtt5->offered);

  steps_.clear();
  broker_.answer_mqtt5_with(base::permission_denied("this client ID is not allowed"));
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.at(1).text, "not known: this client ID is not allowed");
  EXPECT_FALSE(steps_.at(1).mqtt5);
}

TEST_F(Check, does_not_try_a_qos_that_the_broker_does_not_have) {
  options_.timeout = std::chrono::seconds(20);
  options_.connection.protocol = core::ProtocolVersion::kMqtt5;
  core::BrokerLimits limits;
  limits.maximum_qos = core::QoS::kAtLeastOnce;
  broker_.answer_mqtt5_with(limits);
  options_.wanted.qos = core::QoS::kAtLeastOnce;
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.at(5).outcome, Outcome::kPassed);
  EXPECT_THAT(steps_.at(5).text, StartsWith("not tried: the broker takes qos 1 at the most"));
  EXPECT_EQ(broker_.highest_subscribed(), core::QoS::kAtLeastOnce);

  steps_.clear();
  options_.wanted.qos = core::QoS::kExactlyOnce;
  EXPECT_FALSE(run());
  EXPECT_EQ(steps_.at(1).outcome, Outcome::kWarning);
  EXPECT_THAT(steps_.at(1).text, HasSubstr("lower qos from 2 to 1; offered"));
  EXPECT_EQ(steps_.at(5).outcome, Outcome::kFailed);
  EXPECT_FALSE(steps_.at(5).depends_on_topic);
}

TEST_F(Check, with_mqtt_3_1_1_tries_the_components_qos_whatever_an_mqtt_5_connection_is_told) {
  options_.timeout = std::chrono::seconds(20);
  core::BrokerLimits limits;
  limits.maximum_qos = core::QoS::kAtLeastOnce;
  broker_.answer_mqtt5_with(limits);
  options_.connection.protocol = core::ProtocolVersion::kMqtt311;
  options_.wanted.qos = core::QoS::kExactlyOnce;
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_EQ(steps_.at(5).text, "sent and received");
  EXPECT_EQ(broker_.highest_subscribed(), core::QoS::kExactlyOnce);
}

TEST_F(Check, warns_of_a_broker_that_sends_no_retained_messages_under_wildcards) {
  options_.timeout = std::chrono::seconds(20);
  broker_.retain_for_exact_filters_only();
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.back().name, "retained");
  EXPECT_EQ(steps_.back().outcome, Outcome::kWarning);
  EXPECT_THAT(steps_.back().text, StartsWith("kept, but not sent to \"t/+\""));
}

TEST_F(Check, leaves_a_retained_message_of_the_users_topic_alone) {
  const auto topic = core::TopicName::parse("t/1").value();
  const auto retain = [&](const std::string& payload) {
    PublisherLink device(broker_, base::Log(log_), client("device"));
    ASSERT_TRUE(device.connect(kPatience).ok());
    ASSERT_TRUE(
        device.publish({topic, payload, core::QoS::kAtLeastOnce, true, nullptr}, kPatience).ok());
  };
  options_.timeout = kPatience;
  options_.own_topic = false;
  retain("21.5");
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_EQ(steps_.back().name, "retained");
  EXPECT_EQ(steps_.back().outcome, Outcome::kWarning);
  EXPECT_THAT(steps_.back().text,
              AllOf(StartsWith("not tried: \"t/1\" has a retained message"), HasSubstr("--topic")));
  ConsumerLink late(broker_, base::Log(log_), client("late"));
  ASSERT_TRUE(late.connect(kPatience).ok());
  ASSERT_TRUE(
      late.subscribe(core::TopicFilter::parse("t/1").value(), core::QoS::kAtMostOnce, kPatience)
          .ok());
  EXPECT_TRUE(late.received().wait("21.5", kPatience));

  retain({});
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_EQ(steps_.back().text, "kept, also for wildcards");
}

TEST_F(Check, warns_of_a_broker_that_changes_topics) {
  options_.timeout = std::chrono::seconds(20);
  options_.topic = "orders.v1";
  broker_.make_slashes_of_dots();
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.at(4).outcome, Outcome::kWarning);
  EXPECT_THAT(steps_.at(4).text, StartsWith("sent and received, but as \"orders/v1\""));
}

TEST_F(Check, tries_the_session_after_a_consumer_group_that_failed) {
  broker_.ignore_shared();
  options_.wanted.consumer_group = "workers";
  options_.connection.clean_session = false;
  EXPECT_FALSE(run());
  ASSERT_GE(steps_.size(), 2U);
  EXPECT_EQ(steps_[steps_.size() - 2].name, "group");
  EXPECT_EQ(steps_.back().name, "session");
}

TEST_F(Check, says_that_another_topic_may_be_allowed_where_a_consumer_group_gets_nothing) {
  broker_.starve_shared();
  options_.wanted.consumer_group = "workers";
  EXPECT_FALSE(run());
  EXPECT_EQ(steps_.back().name, "group");
  EXPECT_TRUE(steps_.back().depends_on_topic);
  EXPECT_THAT(steps_.back().text, HasSubstr("access control list"));
}

TEST_F(Check, tries_the_consumer_group_with_a_subscription_of_its_own) {
  options_.timeout = std::chrono::seconds(20);
  options_.wanted.consumer_group = "workers";
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_EQ(steps_.back().name, "group");
  EXPECT_EQ(steps_.back().text, "\"$share/workers-check-1234/t/1\": sent and received");
  EXPECT_THAT(broker_.connected_clients(), IsEmpty());

  broker_.ignore_shared();
  options_.timeout = std::chrono::milliseconds(200);
  EXPECT_FALSE(run());
  EXPECT_EQ(steps_.back().name, "group");
  EXPECT_THAT(steps_.back().text,
              AllOf(HasSubstr("nothing comes to \"$share/workers-check-1234/t/1\""),
                    HasSubstr("treats $share/... as an ordinary topic")));
  EXPECT_FALSE(steps_.back().depends_on_topic);
  EXPECT_THAT(broker_.connected_clients(), IsEmpty());
}

TEST_F(Check, does_not_compete_with_the_members_of_the_components_group) {
  options_.timeout = kPatience;
  options_.wanted.consumer_group = "workers";
  options_.own_topic = false;
  ConsumerLink app(broker_, base::Log(log_), client("app"));
  ASSERT_TRUE(app.connect(kPatience).ok());
  ASSERT_TRUE(app.subscribe(core::TopicFilter::parse("$share/workers/t/1").value(),
                            core::QoS::kAtMostOnce, kPatience)
                  .ok());
  EXPECT_TRUE(run()) << steps_.back().text;
  EXPECT_EQ(steps_.back().name, "group");
  EXPECT_EQ(steps_.back().outcome, Outcome::kPassed);
  PublisherLink device(broker_, base::Log(log_), client("device"));
  ASSERT_TRUE(device.connect(kPatience).ok());
  ASSERT_TRUE(device
                  .publish({core::TopicName::parse("t/1").value(), "job", core::QoS::kAtMostOnce,
                            false, nullptr},
                           kPatience)
                  .ok());
  EXPECT_TRUE(app.received().wait("job", kPatience));
}

TEST_F(Check, tries_the_components_group_on_its_own_topic_only_where_another_is_refused) {
  options_.timeout = kPatience;
  options_.wanted.consumer_group = "workers";
  broker_.allow_no_group_but("workers");
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.back().text, "\"$share/workers/t/1\": sent and received");

  options_.own_topic = false;
  EXPECT_TRUE(run());
  EXPECT_EQ(steps_.back().name, "group");
  EXPECT_EQ(steps_.back().outcome, Outcome::kWarning);
  EXPECT_THAT(steps_.back().text,
              AllOf(StartsWith("not known: refused $share/workers-check-1234/t/1"),
                    HasSubstr("\"workers\""), HasSubstr("without --topic")));

  options_.own_topic = true;
  broker_.allow_no_group_but("others");
  EXPECT_FALSE(run());
  EXPECT_EQ(steps_.back().text, "refused $share/workers/t/1");
  EXPECT_TRUE(steps_.back().depends_on_topic);
}

TEST_F(Check, refuses_a_topic_that_cannot_be_published_to) {
  options_.topic = "t/#";
  EXPECT_FALSE(run());
  EXPECT_THAT(names(), ElementsAre("topic"));
}

}  // namespace
}  // namespace dapr_mqtt::inspect
