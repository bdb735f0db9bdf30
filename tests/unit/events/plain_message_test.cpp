#include "dapr_mqtt/events/plain_message.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::events {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* kTraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// An event with this text after its required attributes.
std::string event(const std::string& more) {
  return R"({"specversion":"1.0","id":"1","source":"Dapr","type":"sent")" + more + "}";
}

PlainMessage plain(const std::string& text) {
  auto message = plain_message(text);
  EXPECT_TRUE(message.ok()) << message.status().message();
  EXPECT_TRUE(message.value()) << "no event: " << text;
  return message.ok() && message.value() ? *message.value() : PlainMessage{};
}

TEST(PlainMessage, is_the_data_as_the_bytes_it_was) {
  EXPECT_EQ(plain(event(R"(,"datacontenttype":"application/json","data":{"n": 1.50,"b":[1, 2]})"))
                .payload,
            R"({"n": 1.50,"b":[1, 2]})");
  EXPECT_EQ(plain(event(R"(,"datacontenttype":"application/json","data":"ON")")).payload, "\"ON\"");
  EXPECT_EQ(plain(event(R"(,"datacontenttype":"application/senml+json","data":"ON")")).payload,
            "\"ON\"");
  EXPECT_EQ(plain(event(R"(,"data":"ON")")).payload, "\"ON\"") << "no content type: JSON";
  EXPECT_EQ(plain(event(R"(,"datacontenttype":"text/plain","data":"a\n\u00e4")")).payload, "a\nä");
  EXPECT_EQ(plain(event(R"(,"datacontenttype":"text/plain","data":{"a":1})")).payload,
            R"({"a":1})");
  EXPECT_EQ(
      plain(event(R"(,"datacontenttype":"application/octet-stream","data_base64":"AP8=")")).payload,
      std::string("\0\xFF", 2));
  EXPECT_EQ(plain(event("")).payload, "");
  EXPECT_EQ(plain(event(R"(,"data":null)")).payload, "");
}

TEST(PlainMessage, keeps_what_the_event_says_beside_it) {
  const PlainMessage message = plain(event(
      R"(,"datacontenttype":"text/plain","data":"x","topic":"a","count":5,"flag":true,"empty":"","none":null,)"
      R"("Bad-Name":"x","list":[1],"traceparent":")" +
      std::string(kTraceParent) + R"(","tracestate":"bad")"));
  EXPECT_EQ(message.content_type, "text/plain");
  EXPECT_THAT(message.attributes,
              ElementsAre(Pair("specversion", "1.0"), Pair("id", "1"), Pair("source", "Dapr"),
                          Pair("type", "sent"), Pair("topic", "a"), Pair("count", "5"),
                          Pair("flag", "true"), Pair("traceparent", kTraceParent)));
}

TEST(PlainMessage, needs_no_id_which_daprd_does_not_add) {
  EXPECT_EQ(plain(R"({"specversion":"1.0","source":"s","type":"t","data":1})").payload, "1");
}

TEST(PlainMessage, is_none_of_what_is_no_event) {
  for (const char* text :
       {"", "21.5", "{}", R"({"specversion":"1.0","type":"t"})", "{\"specversion\""}) {
    const auto message = plain_message(text);
    ASSERT_TRUE(message.ok());
    EXPECT_FALSE(message.value()) << text;
    EXPECT_FALSE(trace_attributes(text)) << text;
  }
}

TEST(PlainMessage, is_refused_when_its_base64_is_none) {
  const auto message = plain_message(event(R"(,"data_base64":"!")"));
  ASSERT_FALSE(message.ok());
  EXPECT_EQ(message.status().kind(), base::ErrorKind::kInvalidArgument);
  EXPECT_THAT(message.status().message(), HasSubstr("data_base64"));
}

TEST(TraceAttributes, are_those_that_are_well_formed) {
  EXPECT_THAT(*trace_attributes(event(R"(,"traceparent":")" + std::string(kTraceParent) +
                                      R"(","tracestate":"a=1","traceid":"x")")),
              ElementsAre(Pair("traceparent", kTraceParent), Pair("tracestate", "a=1")));
  EXPECT_THAT(*trace_attributes(event(R"(,"traceparent":"00-1","tracestate":"")")), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::events
