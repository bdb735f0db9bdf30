#include "dapr_mqtt/base/parse.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace dapr_mqtt::base {
namespace {

using std::chrono::milliseconds;

TEST(ParseBool, Takes_every_spelling_of_dapr_in_any_case) {
  for (const char* yes :
       {"true", "TRUE", "True", "t", "yes", "YES", "y", "on", "On", "1", " true "}) {
    EXPECT_EQ(parse_bool(yes), true) << yes;
  }
  for (const char* no : {"false", "FALSE", "f", "no", "No", "n", "off", "OFF", "0", "\tfalse\n"}) {
    EXPECT_EQ(parse_bool(no), false) << no;
  }
}

TEST(ParseBool, Refuses_what_it_would_have_to_guess) {
  for (const char* text : {"", " ", "maybe", "2", "-1", "tru", "truee", "ye s", "yes no", "null"}) {
    EXPECT_EQ(parse_bool(text), std::nullopt) << text;
  }
}

TEST(ParseInteger, Takes_all_of_64_bits) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer(" 42 "), 42);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseInteger, Refuses_what_is_no_whole_decimal_number_or_too_large) {
  for (const char* text : {"", " ", "+", "-", "+-1", "-+1", "--1", "1.0", "1e3", "0x1", "1 2",
                           "abc", "9223372036854775808", "-9223372036854775809", "1_000"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, Reads_go_syntax_and_whole_seconds) {
  EXPECT_EQ(parse_duration("5s"), milliseconds(5000));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("1m30s"), milliseconds(90'000));
  EXPECT_EQ(parse_duration("1h"), milliseconds(3'600'000));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration(".5s"), milliseconds(500));
  EXPECT_EQ(parse_duration("1.s"), milliseconds(1000));
  EXPECT_EQ(parse_duration("1h15m30.918s"), milliseconds(4'530'918));
  EXPECT_EQ(parse_duration("2000us"), milliseconds(2));
  EXPECT_EQ(parse_duration("2000\u00b5s"), milliseconds(2));
  EXPECT_EQ(parse_duration("2000\u03bcs"), milliseconds(2));
  EXPECT_EQ(parse_duration("3000000ns"), milliseconds(3));
  EXPECT_EQ(parse_duration("-2s"), milliseconds(-2000));
  EXPECT_EQ(parse_duration("+2s"), milliseconds(2000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("5"), milliseconds(5000));
  EXPECT_EQ(parse_duration(" 30 "), milliseconds(30'000));
}

TEST(ParseDuration, Rounds_parts_of_a_millisecond_away_from_zero) {
  EXPECT_EQ(parse_duration("1us"), milliseconds(1));
  EXPECT_EQ(parse_duration("1ns"), milliseconds(1));
  EXPECT_EQ(parse_duration("-1ns"), milliseconds(-1));
  EXPECT_EQ(parse_duration("1.0001s"), milliseconds(1001));
}

TEST(ParseDuration, Refuses_malformed_text_and_overflow) {
  for (const char* text : {"",
                           " ",
                           "-",
                           "+",
                           "s",
                           "5 s",
                           "5x",
                           "1.5",
                           ".s",
                           "1s-1s",
                           "--1s",
                           "5S",
                           "1d",
                           "1s5",
                           "abc",
                           "9223372037s",
                           "99999999999999999999",
                           "2562048h",
                           "2562047h47m16.9s",
                           "99999999999999999999s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_TRUE(parse_duration("9223372036s").has_value());
}

TEST(ParseDuration, Ignores_digits_below_a_nanosecond) {
  EXPECT_EQ(parse_duration("1." + std::string(1000, '0') + "9s"), milliseconds(1000));
}

TEST(ParseSize, Reads_bytes_with_the_units_of_kubernetes) {
  EXPECT_EQ(parse_size("123"), 123);
  EXPECT_EQ(parse_size(" 64Ki "), 65'536);
  EXPECT_EQ(parse_size("64Mi"), 67'108'864);
  EXPECT_EQ(parse_size("1Gi"), 1'073'741'824);
  EXPECT_EQ(parse_size("1Ti"), 1'099'511'627'776);
  EXPECT_EQ(parse_size("2k"), 2000);
  EXPECT_EQ(parse_size("2M"), 2'000'000);
  EXPECT_EQ(parse_size("2G"), 2'000'000'000);
}

TEST(ParseSize, Refuses_malformed_text_and_overflow) {
  for (const char* text : {"", "Mi", "-1", "+1", "1.5Gi", "1 Gi", "1m", "1ki", "1KiB", "1i", "1Mx",
                           "99999999999999999999", "9999999999Ti"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::base
