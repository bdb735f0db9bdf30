#include "instance/own_messages.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::instance {
namespace {

const core::TopicFilter kFilterA = core::TopicFilter::parse("a").value();
const core::TopicFilter kFilterB = core::TopicFilter::parse("b").value();

core::OutgoingMessage outgoing() {
  return {core::TopicName::parse("a").value(), "x", core::QoS::kAtMostOnce, false, nullptr};
}
core::IncomingMessage back(const core::OutgoingMessage& message) {
  core::IncomingMessage in;
  in.topic = message.topic.str();
  in.properties = message.properties;
  return in;
}

TEST(OwnMessages, are_left_unmarked_while_nobody_asks) {
  OwnMessages own;
  own.subscribed(kFilterA, false);
  EXPECT_FALSE(own.used());
  EXPECT_FALSE(own.unwanted(kFilterA, back(own.marked(outgoing()))));
  own.subscribed(kFilterA, true);
  EXPECT_TRUE(own.used());
}

TEST(OwnMessages, are_unwanted_by_the_filter_that_asked_alone) {
  OwnMessages own;
  own.subscribed(kFilterA, true);
  own.subscribed(kFilterB, false);
  const auto message = own.marked(outgoing());
  EXPECT_TRUE(own.unwanted(kFilterA, back(message)));
  EXPECT_FALSE(own.unwanted(kFilterB, back(message)));
  own.subscribed(kFilterA, false);
  EXPECT_FALSE(own.unwanted(kFilterA, back(message)));
}

TEST(OwnMessages, of_another_instance_are_wanted) {
  OwnMessages own;
  OwnMessages other;
  own.subscribed(kFilterA, true);
  other.subscribed(kFilterA, true);
  const auto message = other.marked(outgoing());
  EXPECT_FALSE(own.unwanted(kFilterA, back(message)));
  EXPECT_FALSE(own.unwanted(kFilterA, back(outgoing())));
}

TEST(OwnMessages, keep_their_other_properties) {
  OwnMessages own;
  own.subscribed(kFilterA, true);
  auto message = outgoing();
  auto properties = std::make_shared<core::MessageProperties>();
  properties->content_type = "text/plain";
  message.properties = properties;
  message = own.marked(message);
  EXPECT_EQ(message.properties->content_type, "text/plain");
  EXPECT_EQ(properties->user_properties.size(), 0U);
}

}  // namespace
}  // namespace dapr_mqtt::instance
