#include "dapr_mqtt/core/trace_context.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::core {
namespace {

constexpr const char* kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, takes_a_parent_of_version_0_in_lower_case) {
  EXPECT_TRUE(is_traceparent(kParent));
  for (const std::string& text :
       {std::string(), std::string("00"), std::string(kParent) + "-x", std::string(kParent) + "\n",
        std::string("01") + (kParent + 2), std::string("ff") + (kParent + 2),
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g")}) {
    EXPECT_FALSE(is_traceparent(text)) << text;
  }
}

TEST(TraceContext, takes_a_state_with_legal_entries) {
  for (const char* text : {"a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1, b=2,,c=3",
                           "t@v=x y", "0a-b_c*/d=!"}) {
    EXPECT_TRUE(is_tracestate(text)) << text;
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += "a" + std::to_string(i) + "=1,";
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("=1"), std::string("A=1"), std::string("a="),
        std::string("a=1\r\nb: c"), std::string("a=1,\nb=2"), std::string("a=ä"),
        std::string("a=b=c"), std::string(" a=1"), std::string("a=1 "), std::string("a=1,\tb=2"),
        std::string(","), many, "a=" + std::string(600, 'x')}) {
    EXPECT_FALSE(is_tracestate(text)) << text;
  }
}

TEST(TraceContext, is_read_only_when_it_is_there_once) {
  MessageProperties properties;
  properties.user_properties = {{"traceparent", kParent}, {"tracestate", "a=1"}};
  EXPECT_EQ(trace_context(properties).parent, kParent);
  EXPECT_EQ(trace_context(properties).state, "a=1");
  properties.user_properties.emplace_back("tracestate", "b=1");
  EXPECT_EQ(trace_context(properties).parent, kParent);
  EXPECT_EQ(trace_context(properties).state, "");
  properties.user_properties.emplace_back("traceparent", kParent);
  EXPECT_EQ(trace_context(properties).parent, "");
  properties.user_properties = {{"tracestate", "a=1"}};
  EXPECT_EQ(trace_context(properties).state, "") << "of no use without a parent";
}

}  // namespace
}  // namespace dapr_mqtt::core
