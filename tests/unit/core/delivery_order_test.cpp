#include "dapr_mqtt/core/delivery_order.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::core {
namespace {

IncomingMessage on(std::string topic) {
  IncomingMessage message;
  message.topic = std::move(topic);
  return message;
}

IncomingMessage with(std::string topic, std::string name, std::string value) {
  IncomingMessage message = on(std::move(topic));
  MessageProperties properties;
  properties.user_properties = {{std::move(name), std::move(value)}};
  message.properties = std::make_shared<const MessageProperties>(std::move(properties));
  return message;
}

TEST(OrderKey, is_the_topic_unless_something_else_is_asked_for) {
  EXPECT_EQ(OrderKey::parse("topic"), OrderKey());
  EXPECT_EQ(OrderKey().of(on("a/b")), OrderKey().of(on("a/b")));
  EXPECT_NE(OrderKey().of(on("a/b")), OrderKey().of(on("a/c")));
}

TEST(OrderKey, may_be_a_level_of_the_topic_counted_from_1) {
  const OrderKey second = OrderKey::parse("segment:2").value();
  EXPECT_EQ(second.of(on("d/7/temperature")), second.of(on("x/7/y/z")));
  EXPECT_EQ(second.of(on("d/7")), second.of(on("d/7/t")));
  EXPECT_NE(second.of(on("d/7/t")), second.of(on("d/8/t")));
  EXPECT_EQ(second.of(on("d")), OrderKey().of(on("d"))) << "no such level";
  const OrderKey first = OrderKey::parse("segment:1").value();
  EXPECT_EQ(first.of(on("d/7")), first.of(on("d/8")));
  EXPECT_NE(first.of(on("/d")), first.of(on("d")));
}

TEST(OrderKey, may_be_a_user_property) {
  const OrderKey device = OrderKey::parse("property:device id").value();
  EXPECT_TRUE(device.needs_properties());
  EXPECT_EQ(device.of(with("a", "device id", "7")), device.of(with("b", "device id", "7")));
  EXPECT_NE(device.of(with("a", "device id", "7")), device.of(with("a", "device id", "8")));
  EXPECT_EQ(device.of(with("a", "Device id", "7")), OrderKey().of(on("a"))) << "another name";
  EXPECT_EQ(device.of(on("a")), OrderKey().of(on("a")));
}

TEST(OrderKey, may_be_the_same_for_all) {
  EXPECT_EQ(OrderKey::all().of(on("a")), OrderKey::all().of(on("b")));
  EXPECT_FALSE(OrderKey::all().needs_message());
  EXPECT_FALSE(OrderKey::all() == OrderKey());
}

TEST(OrderKey, is_nothing_else) {
  for (const char* text : {"", "Topic", "segment", "segment:", "segment:0", "segment:-1",
                           "segment:101", "segment:x", "property:", "property:\xff", "payload"}) {
    EXPECT_FALSE(OrderKey::parse(text)) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::core
