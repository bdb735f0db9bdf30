#include "dapr_mqtt/base/text.h"

#include <gtest/gtest.h>

#include <string>

namespace dapr_mqtt::base {
namespace {

TEST(Utf8, Takes_every_well_formed_sequence) {
  for (const char* text : {"", "abc", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                           "\xF4\x8F\xBF\xBF", "gr\u00fc\u00df \u4e16\u754c \U0001F600"}) {
    EXPECT_TRUE(is_valid_utf8(text)) << quote(text);
  }
  EXPECT_TRUE(is_valid_utf8(std::string(3, '\0')));
}

TEST(Utf8, Refuses_overlong_forms_surrogates_and_what_is_cut_off) {
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE", "\xC2",
        "\xE2\x82", "\xF0\x9F\x98", "\xC2\x41", "\xE2\x28\xA1", "\xF0\x28\x8C\xBC", "ok\xC3"}) {
    EXPECT_FALSE(is_valid_utf8(text)) << quote(text);
  }
}

TEST(Quote, Escapes_what_could_forge_a_line_or_leave_the_quotes) {
  EXPECT_EQ(quote("plain"), "\"plain\"");
  EXPECT_EQ(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quote("a\nb\rc\td"), "\"a\\nb\\rc\\td\"");
  EXPECT_EQ(quote(std::string("\0\x1B\x7F", 3)), "\"\\x00\\x1b\\x7f\"");
  EXPECT_EQ(quote("\xC2\x9B"
                  "1m"),
            "\"\\xc2\\x9b1m\"");  // a control character of two bytes
}

TEST(Quote, Keeps_utf8_and_escapes_bytes_that_are_none) {
  EXPECT_EQ(quote("gr\u00fc\u00df"), "\"gr\u00fc\u00df\"");
  EXPECT_EQ(quote("a\xFF\xC3"), "\"a\\xff\\xc3\"");
}

TEST(Quote, Cuts_between_characters) {
  EXPECT_EQ(quote("abcdef", 3), "\"abc…\"");
  EXPECT_EQ(quote("abc", 3), "\"abc\"");
  EXPECT_EQ(quote("ab\u00fc", 3), "\"ab…\"");
  EXPECT_EQ(quote("x", 0), "\"…\"");
}

TEST(ToLower, Changes_ascii_letters_alone) {
  EXPECT_EQ(to_lower("AbZ09_\xC3\x84"), "abz09_\xC3\x84");
}

TEST(Trim, Takes_white_space_off_both_ends) {
  EXPECT_EQ(trim(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(std::string_view("\0 a", 3)), std::string_view("\0 a", 3));
}

TEST(EditDistance, Counts_the_slips_between_two_names) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("qos", "QoS"), 0U);
  EXPECT_EQ(edit_distance("qos", "qso"), 1U);  // neighbours swapped
  EXPECT_EQ(edit_distance("retain", "retian"), 1U);
  EXPECT_EQ(edit_distance("caCert", "caCrt"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ab", "ba"), edit_distance("ba", "ab"));
}

}  // namespace
}  // namespace dapr_mqtt::base
