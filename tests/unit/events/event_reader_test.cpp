#include "events/event_reader.h"

#include <gmock/gmock.h>

#include <vector>

namespace dapr_mqtt::events {
namespace {

constexpr const char* kWholeEvent =
    R"({"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"x"})";

TEST(EventReader, knows_an_event_by_what_it_must_have) {
  const auto head = read_event(kWholeEvent);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->is_event());
  EXPECT_EQ(head->data_content_type, "text/plain");
  EXPECT_EQ(head->data->value, "\"x\"");
  EXPECT_TRUE(head->trace_is_text);
  for (const char* text : {R"({"t":21})", "{}", R"({"specversion":"1.0","id":"1","source":"s"})",
                           R"({"specversion":1.0,"id":"1","source":"s","type":"t"})",
                           R"({"specversion":"1.0","id":7,"source":"s","type":"t"})",
                           R"({"specversion":"1.0","id":"","source":"s","type":"t"})",
                           R"({"specversion":"1.0","ID":"1","source":"s","type":"t"})"}) {
    const auto other = read_event(text);
    ASSERT_TRUE(other) << text;
    EXPECT_FALSE(other->is_event()) << text;
  }
  for (const char* text : {"", "21.5", "[]", "ON", "{", "null"})
    EXPECT_FALSE(read_event(text)) << text;
}

TEST(EventReader, counts_the_last_of_several_as_daprd_does) {
  EXPECT_FALSE(
      read_event(R"({"specversion":"1.0","id":"1","source":"s","type":"t","id":5})")->is_event());
  EXPECT_TRUE(
      read_event(R"({"id":5,"specversion":"1.0","id":"1","source":"s","type":"t"})")->is_event());
}

TEST(EventReader, reads_names_with_escapes) {
  EXPECT_TRUE(read_event(R"({"\u0073pecversion":"1.0","\u0069d":"1","source":"s","type":"t"})")
                  ->is_event());
  EXPECT_EQ(read_event(R"({"\u0064ata":7})")->data->value, "7");
}

TEST(EventReader, reads_names_with_backslashes_once) {
  std::vector<std::string> names;
  ASSERT_TRUE(read_event(R"({"a\\\\":1,"b\\":2,"\u005cu0069d":3})",
                         [&](const JsonMember& member) { names.emplace_back(member.key); }));
  EXPECT_EQ(names, (std::vector<std::string>{"a\\\\", "b\\", "\\u0069d"}));
}

TEST(EventReader, sees_a_trace_that_would_end_daprd) {
  for (const char* text : {R"({"traceparent":5})", R"({"traceid":{}})", R"({"traceid":true})"}) {
    EXPECT_FALSE(read_event(text)->trace_is_text) << text;
  }
  for (const char* text :
       {R"({"traceparent":"x","traceid":null})", R"({"traceid":5,"traceid":"a"})"}) {
    EXPECT_TRUE(read_event(text)->trace_is_text) << text;
  }
}

TEST(EventReader, hands_over_all_but_the_data) {
  std::vector<std::string> names;
  (void)read_event(R"({"a":1,"data":2,"data_base64":"","datacontenttype":"x/y","time":"now"})",
                   [&](const JsonMember& member) { names.emplace_back(member.key); });
  EXPECT_THAT(names, ::testing::ElementsAre("a", "time"));
}

}  // namespace
}  // namespace dapr_mqtt::events
