#include "events/json_scan.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "support/random_text.h"

namespace dapr_mqtt::events {
namespace {

using std::string_literals::operator""s;

TEST(JsonScan, takes_what_is_JSON) {
  for (const char* text :
       {"null", "true", "false", "0", "-0", "21.5", "1e3", "-1.25E-7", "\"\"", "\"ON\"", "[]", "{}",
        " [1, 2]\r\n", "{\"t\":21}", "\t{\"a\":{\"b\":[{},[],\"c\"]},\"d\":null} ",
        "\"\\u00e4\\n\\\\\\\"\\/\"", "\"k\xC3\xA4se\"", "123456789012345678901234567890"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonScan, refuses_what_is_not) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "ON"s,
                                  "tru"s,
                                  "truex"s,
                                  "01"s,
                                  "1."s,
                                  ".5"s,
                                  "+1"s,
                                  "1e"s,
                                  "-"s,
                                  "NaN"s,
                                  "1 2"s,
                                  "[1,]"s,
                                  "[1 2]"s,
                                  "[,1]"s,
                                  "{\"a\":1,}"s,
                                  "{\"a\"}"s,
                                  "{a:1}"s,
                                  "{\"a\" 1}"s,
                                  "{,}"s,
                                  "[}"s,
                                  "{]"s,
                                  "["s,
                                  "{"s,
                                  "\""s,
                                  "\"\\x\""s,
                                  "\"\\u12g4\""s,
                                  "\"\\u12"s,
                                  "\"a\nb\""s,
                                  "\"\\"s,
                                  "21.5\0junk"s,
                                  "\xEF\xBB\xBF{}"s,
                                  "\"\xFF\""s,
                                  "\"\xC0\x80\""s,
                                  "// x\n1"s,
                                  "'a'"s}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

// daprd's parser fails on these, so the whole event would be lost.
TEST(JsonScan, refuses_what_daprd_cannot_read) {
  EXPECT_FALSE(is_json("1e400"));
  EXPECT_FALSE(is_json("[-1e999]"));
  EXPECT_FALSE(is_json(std::string(400, '9')));
  EXPECT_TRUE(is_json(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')));
  EXPECT_FALSE(is_json(std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']')));
}

TEST(JsonScan, agrees_with_another_parser_on_any_text) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> pieces = {
      "{", "}", "[",    "]",    ":", ",",  "\"",  "\"a\"", "1",        "-",      ".",
      "e", "0", "true", "null", " ", "\\", "\\n", "\"b\"", "\xC3\xA4", "\"c\":", "5,"};
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = random.text(pieces, 8);
    std::erase(text, '\0');  // that parser takes it as the end
    if (text.starts_with("\xEF") || text.find("\\u") != std::string::npos) continue;
    ASSERT_EQ(is_json(text), nlohmann::json::accept(text)) << text;
    taken += is_json(text) ? 1 : 0;
  }
  EXPECT_GT(taken, 1000);
}

TEST(JsonScan, shows_an_objects_members_as_they_stand_there) {
  std::vector<std::string> seen;
  EXPECT_TRUE(for_each_member(
      " { \"a\" : 1.50 , \"b\\n\":[1, {\"c\":2}],\"a\":\"x\" } ", [&](const JsonMember& member) {
        seen.push_back(std::string(member.key) + "=" + std::string(member.value));
      }));
  EXPECT_THAT(seen, ::testing::ElementsAre("a=1.50", "b\\n=[1, {\"c\":2}]", "a=\"x\""));
  for (const char* text :
       {"", "1", "[]", "{", "{}x", "{\"a\":1,}", "{\"a\":}", "{\"a\":1 \"b\":2}"}) {
    EXPECT_FALSE(for_each_member(text, [](const JsonMember&) {})) << text;
  }
  EXPECT_TRUE(for_each_member("{}", [](const JsonMember&) { ADD_FAILURE(); }));
}

TEST(JsonScan, reads_back_every_string_that_it_writes) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> pieces = {"a", "\"", "\\", "\n", "\x01", "\x1f", "\x7f",
                                           "ä", "€",  "😀",  "\t", "\r",   "/",    "u0041"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random.below(6); n > 0; --n) text += pieces[random.below(pieces.size())];
    std::string written;
    append_string(written, text);
    ASSERT_EQ(string_value(written), text);
    ASSERT_EQ(nlohmann::json::parse(written).get<std::string>(), text);
  }
}

TEST(JsonScan, decodes_escapes) {
  EXPECT_EQ(unescaped("\\u0041\\u00e4\\u20ac\\ud83d\\ude00"), "Aä€😀");
  EXPECT_EQ(unescaped("\\b\\f\\n\\r\\t\\/\\\\\\\""), "\b\f\n\r\t/\\\"");
  EXPECT_EQ(unescaped("\\ud83d"), "\xEF\xBF\xBD") << "half a pair";
  EXPECT_EQ(unescaped("\\ude00x\\ud83d\\u0041"),
            "\xEF\xBF\xBDx\xEF\xBF\xBD"
            "A");
}

}  // namespace
}  // namespace dapr_mqtt::events
