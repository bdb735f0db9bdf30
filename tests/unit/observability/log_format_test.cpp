#include "observability/log_format.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace dapr_mqtt::observability {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::HasSubstr;

const LogIdentity kIdentity{"orders", "host-1", "dapr.components.pubsub.mqtt", "1.2.3"};

/// Each test runs in the time zone it names.
class TimeZone {
 public:
  explicit TimeZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~TimeZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

system_clock::time_point at(seconds since_epoch, nanoseconds fraction = {}) {
  return system_clock::time_point(
      std::chrono::duration_cast<system_clock::duration>(since_epoch + fraction));
}

LogRecord record(std::string_view message) {
  return {at(seconds(1'700'000'000)), "info", "", message};
}

std::string text_msg(std::string_view message) { return format_text(kIdentity, record(message)); }
std::string json_msg(std::string_view message) { return format_json(kIdentity, record(message)); }

TEST(TextFormat, has_the_fields_of_daprd_in_its_order) {
  const TimeZone utc("UTC");
  EXPECT_EQ(
      format_text(kIdentity, {at(seconds(1'700'000'000)), "warning", "my pubsub", "hello you"}),
      "time=\"2023-11-14T22:13:20Z\" level=warning msg=\"hello you\" app_id=orders "
      "component=\"my pubsub\" instance=host-1 scope=dapr.components.pubsub.mqtt type=log "
      "ver=1.2.3\n");
}

TEST(JsonFormat, has_the_fields_of_daprd) {
  const TimeZone utc("UTC");
  EXPECT_EQ(format_json(kIdentity, {at(seconds(1'700'000'000)), "warning", "pubsub", "hello"}),
            "{\"app_id\":\"orders\",\"component\":\"pubsub\",\"instance\":\"host-1\","
            "\"level\":\"warning\",\"msg\":\"hello\",\"scope\":\"dapr.components.pubsub.mqtt\","
            "\"time\":\"2023-11-14T22:13:20Z\",\"type\":\"log\",\"ver\":\"1.2.3\"}\n");
}

TEST(TextFormat, leaves_the_component_out_when_the_process_itself_speaks) {
  EXPECT_THAT(text_msg("x"), testing::Not(HasSubstr("component=")));
  EXPECT_THAT(json_msg("x"), testing::Not(HasSubstr("\"component\"")));
}

TEST(TextFormat, keeps_a_message_with_line_breaks_on_one_line) {
  EXPECT_THAT(text_msg("a\nlevel=error msg=forged\r\t\"\\"),
              HasSubstr(R"( msg="a\nlevel=error msg=forged\r\t\"\\" app_id)"));
}

TEST(JsonFormat, keeps_a_message_with_line_breaks_on_one_line) {
  EXPECT_THAT(json_msg("a\n\",\"level\":\"error\r\t\\"),
              HasSubstr(R"("msg":"a\n\",\"level\":\"error\r\t\\","scope")"));
}

TEST(TextFormat, escapes_control_characters_and_bytes_that_are_no_utf8) {
  using std::string_view_literals::operator""sv;
  EXPECT_THAT(text_msg("\0\x1b[31m\x7f"sv), HasSubstr(R"(msg="\x00\x1b[31m\x7f")"));
  EXPECT_THAT(text_msg("a\xff\xc3(\xed\xa0\x80"), HasSubstr(R"(msg="a\xff\xc3(\xed\xa0\x80")"));
}

TEST(JsonFormat, escapes_control_characters_and_replaces_bytes_that_are_no_utf8) {
  using std::string_view_literals::operator""sv;
  EXPECT_THAT(json_msg("\0\x1b[31m\x7f"sv), HasSubstr(R"("msg":"\u0000\u001b[31m\u007f")"));
  EXPECT_THAT(json_msg("a\xff\xc3("), HasSubstr(R"("msg":"a\ufffd\ufffd(")"));
  EXPECT_THAT(json_msg("cut \xe2\x82"), HasSubstr(R"("msg":"cut \ufffd\ufffd")"));
}

TEST(TextFormat, keeps_letters_of_all_scripts) {
  EXPECT_THAT(text_msg("gr\u00fc\u00df \u4f60\u597d \U0001F600"),
              HasSubstr("msg=\"gr\u00fc\u00df \u4f60\u597d \U0001F600\""));
  EXPECT_THAT(json_msg("gr\u00fc\u00df \u4f60\u597d \U0001F600"),
              HasSubstr("\"msg\":\"gr\u00fc\u00df \u4f60\u597d \U0001F600\""));
}

TEST(TextFormat, escapes_characters_that_reorder_or_break_a_line) {
  EXPECT_THAT(text_msg("a\u2028b\u202ec\u0085"), HasSubstr(R"(msg="a\u2028b\u202ec\u0085")"));
  EXPECT_THAT(json_msg("a\u2028b\u202ec\u0085"), HasSubstr(R"("msg":"a\u2028b\u202ec\u0085")"));
}

TEST(TimeFormat, has_the_digits_of_the_fraction_that_count) {
  const TimeZone utc("UTC");
  EXPECT_EQ(format_time(at(seconds(1), nanoseconds(120'000'000))), "1970-01-01T00:00:01.12Z");
  EXPECT_EQ(format_time(at(seconds(1), nanoseconds(7))), "1970-01-01T00:00:01.000000007Z");
}

TEST(TimeFormat, names_the_offset_of_local_time) {
  {
    const TimeZone east("XXX-5:45");
    EXPECT_EQ(format_time(at(seconds(0))), "1970-01-01T05:45:00+05:45");
  }
  const TimeZone west("XXX+3:30");
  EXPECT_EQ(format_time(at(seconds(0))), "1969-12-31T20:30:00-03:30");
}

}  // namespace
}  // namespace dapr_mqtt::observability
