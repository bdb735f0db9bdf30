// PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK must fit what the client has asked for.
#include <gmock/gmock.h>

#include <string>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using std::string_literals::operator""s;

class Answers : public ::testing::TestWithParam<ProtocolVersion> {
 protected:
  std::string publish(unsigned qos, std::uint16_t id) const {
    return mqtt::publish(GetParam(), {.qos = qos, .id = id});
  }
  /// The codes of an UNSUBACK for this many filters.
  std::string unsubscribed(std::size_t filters) const {
    return std::string(GetParam() == k5 ? filters : 0, '\0');
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, Answers, kVersions, version_name);

TEST_P(Answers, puback_ends_a_publish_of_qos_1) {
  Established connection(GetParam());
  EXPECT_EQ(connection.client(publish(1, 7)), "");
  EXPECT_EQ(connection.broker(mqtt::puback(7)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 40 02 00 07"));
  EXPECT_EQ(connection.broker(mqtt::puback(7)),
            "unexpected PUBACK from the broker: for packet identifier 7, which is not in use");
}

TEST_P(Answers, qos_2_goes_by_pubrec_pubrel_pubcomp) {
  Established connection(GetParam());
  connection.client(publish(2, 300));
  EXPECT_EQ(connection.broker(mqtt::pubrec(300)), "");
  EXPECT_EQ(connection.client(mqtt::pubrel(300)), "");
  EXPECT_EQ(connection.broker(mqtt::pubcomp(300)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 50 02 01 2c", "for client 70 02 01 2c"));
}

TEST_P(Answers, pubrel_of_a_session_that_goes_on_opens_the_exchange) {
  Established connection(GetParam());
  connection.client(mqtt::pubrel(5));
  EXPECT_EQ(connection.broker(mqtt::pubcomp(5)), "");
}

TEST_P(Answers, of_the_wrong_type_are_errors_that_say_what_was_open) {
  struct Case {
    std::string sent;
    std::string received;
    const char* text;
  };
  const std::string code = GetParam() == k5 ? "\0"s : ""s;
  for (const Case& c : std::vector<Case>{
           {publish(1, 7), mqtt::pubrec(7),
            "PUBREC from the broker: for packet identifier 7, "
            "which is a publish of QoS 1"},
           {publish(1, 7), mqtt::pubcomp(7), "which is a publish of QoS 1"},
           {publish(1, 7), mqtt::suback(GetParam(), 7, "\1"), "which is a publish of QoS 1"},
           {publish(1, 7), mqtt::unsuback(GetParam(), 7, code), "which is a publish of QoS 1"},
           {publish(2, 7), mqtt::pubcomp(7), "which is a publish of QoS 2"},
           {publish(2, 7), mqtt::pubrec(8), "for packet identifier 8, which is not in use"},
           {mqtt::pubrel(7), mqtt::puback(7), "which is a publish of QoS 2 after its PUBREL"},
           {mqtt::subscribe(GetParam(), 7, {"t"}), mqtt::puback(7), "which is a SUBSCRIBE"},
           {mqtt::subscribe(GetParam(), 7, {"t"}), mqtt::unsuback(GetParam(), 7, code),
            "UNSUBACK from the broker: for packet identifier 7, which is a SUBSCRIBE"},
           {mqtt::unsubscribe(GetParam(), 7, {"t"}), mqtt::suback(GetParam(), 7, "\1"),
            "which is an UNSUBSCRIBE"}}) {
    Established connection(GetParam());
    ASSERT_EQ(connection.client(c.sent), "");
    EXPECT_THAT(connection.broker(c.received), HasSubstr(c.text));
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
}

TEST_P(Answers, puback_ends_a_publish_of_qos_2_too_and_its_pubrel_is_not_sent) {
  Established connection(GetParam());
  connection.client(publish(2, 7));
  EXPECT_EQ(connection.broker(mqtt::puback(7)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 50 02 00 07", "for client 70 02 00 07"));
  EXPECT_FALSE(connection.filter().take_withheld());
  EXPECT_EQ(connection.client(mqtt::pubrel(7)), "");
  EXPECT_TRUE(connection.filter().take_withheld());
  EXPECT_FALSE(connection.filter().take_withheld());
  EXPECT_EQ(connection.client(publish(2, 7)), "") << "the identifier is free";
  EXPECT_EQ(connection.broker(mqtt::pubrec(7)), "");
  EXPECT_EQ(connection.client(mqtt::pubrel(7)), "");
  EXPECT_FALSE(connection.filter().take_withheld());
}

TEST_P(Answers, pubcomp_before_pubrel_is_an_error) {
  Established connection(GetParam());
  connection.client(publish(2, 7));
  connection.broker(mqtt::pubrec(7));
  EXPECT_THAT(connection.broker(mqtt::pubcomp(7)),
              HasSubstr("which is a publish of QoS 2 before its PUBREL"));
}

TEST_P(Answers, an_identifier_that_is_used_again_belongs_to_the_new_request) {
  Established connection(GetParam());
  connection.client(publish(1, 7) + mqtt::subscribe(GetParam(), 7, {"t"}));
  EXPECT_THAT(connection.broker(mqtt::puback(7)), HasSubstr("which is a SUBSCRIBE"));
}

TEST_P(Answers, a_request_is_open_only_when_it_has_gone_by_whole) {
  Established connection(GetParam());
  const std::string request = publish(1, 7);
  connection.client(request.substr(0, request.size() - 1));
  EXPECT_THAT(connection.broker(mqtt::puback(7)), HasSubstr("which is not in use"));
}

TEST_P(Answers, suback_has_a_code_for_each_filter) {
  Established connection(GetParam());
  connection.client(mqtt::subscribe(GetParam(), 9, {"a", "b/#", "c"}));
  EXPECT_EQ(connection.broker(mqtt::suback(GetParam(), 9, "\0\2\x80"s)), "");
  EXPECT_THAT(connection.lines(),
              ElementsAre("for client " + hex(mqtt::suback(GetParam(), 9, "\0\2\x80"s))));
  for (const std::string& codes : {""s, "\0"s, "\0\0"s, "\0\0\0\0"s, "\0\0\3"s, "\0\0\x7f"s}) {
    Established other(GetParam());
    other.client(mqtt::subscribe(GetParam(), 9, {"a", "b/#", "c"}));
    EXPECT_THAT(other.broker(mqtt::suback(GetParam(), 9, codes)), HasSubstr("malformed SUBACK"));
    EXPECT_THAT(other.lines(), IsEmpty());
  }
}

TEST_P(Answers, unsuback_fits_the_filters_too) {
  Established connection(GetParam());
  connection.client(mqtt::unsubscribe(GetParam(), 9, {"a", "b"}));
  EXPECT_EQ(connection.broker(mqtt::unsuback(GetParam(), 9, unsubscribed(2))), "");
  EXPECT_EQ(connection.events().for_client.size(), 1U);
  Established other(GetParam());
  other.client(mqtt::unsubscribe(GetParam(), 9, {"a", "b"}));
  EXPECT_THAT(other.broker(mqtt::unsuback(GetParam(), 9, unsubscribed(2) + "\0"s)),
              HasSubstr("malformed UNSUBACK"));
}

TEST_P(Answers, without_an_identifier_are_malformed) {
  for (const unsigned type : {0x40U, 0x50U, 0x62U, 0x70U, 0x90U, 0xB0U}) {
    for (const std::string& body : {""s, "\0"s, "\0\0"s, "\0\0\0\0"s}) {
      Established connection(GetParam());
      EXPECT_THAT(connection.broker(mqtt::packet(type, body)), HasSubstr("malformed "));
    }
  }
}

TEST(Answers5, below_0x80_are_a_success_whatever_they_say) {
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 1, .id = 7}));
  // mochi-mqtt sends the QoS as reason code, and the user properties of the PUBLISH.
  EXPECT_EQ(connection.broker(mqtt::packet(0x40, "\0\7\1\7\x26\0\1a\0\1b"s)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 40 02 00 07"));
}

TEST(Answers5, puback_with_a_failure_ends_a_publish_of_qos_2) {
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 2, .id = 7}));
  EXPECT_EQ(connection.broker(mqtt::acknowledgement5(0x40, 7, 0x87)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 50 03 00 07 87"));
}

TEST(Answers311, have_no_reason_codes) {
  for (const std::string& packet : {mqtt::packet(0x40, "\0\7\0"s), mqtt::packet(0x62, "\0\7\0"s)}) {
    Established connection(k311);
    connection.client(mqtt::publish(k311, {.qos = 1, .id = 7}));
    EXPECT_THAT(connection.broker(packet), HasSubstr("it is longer than 2 bytes"));
  }
  Established suback(k311);
  suback.client(mqtt::subscribe(k311, 7, {"t"}));
  EXPECT_THAT(suback.broker(mqtt::suback(k311, 7, "\3")), HasSubstr("unknown reason code 3"));
}

// ejabberd refuses a subscription of MQTT 3.1.1 with 0x8F. The connection must live on: it has others.
TEST(Answers311, suback_with_a_failure_of_mqtt_5_is_a_failure) {
  Established connection(k311);
  connection.client(mqtt::subscribe(k311, 7, {"a", "b"}));
  EXPECT_EQ(connection.broker(mqtt::suback(k311, 7, "\1\x8F")), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 90 04 00 07 01 80"));
}

TEST(Answers311, a_repeated_pubrec_is_not_passed_on) {
  Established connection(k311);
  connection.client(mqtt::publish(k311, {.qos = 2, .id = 7}));
  EXPECT_EQ(connection.broker(mqtt::pubrec(7) + mqtt::pubrec(7)), "");
  connection.client(mqtt::pubrel(7));
  EXPECT_EQ(connection.broker(mqtt::pubrec(7) + mqtt::pubcomp(7)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 50 02 00 07", "for client 70 02 00 07"));
}

TEST(Answers5, a_repeated_pubrec_is_an_error) {
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 2, .id = 7}));
  connection.broker(mqtt::pubrec(7));
  EXPECT_THAT(connection.broker(mqtt::acknowledgement5(0x50, 7, 0x80)),
              HasSubstr("unexpected PUBREC"));
}

TEST(Answers5, a_failing_pubrec_ends_the_exchange_unless_the_client_goes_on) {
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 2, .id = 7}));
  EXPECT_EQ(connection.broker(mqtt::acknowledgement5(0x50, 7, 0x97)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("for client 50 03 00 07 97"));
  connection.client(mqtt::pubrel(7));
  EXPECT_EQ(connection.broker(mqtt::pubcomp(7)), "");
}

TEST(Answers5, reach_the_client_with_their_reason_string_only) {
  const std::string block = "\x26" + mqtt::text("a") + mqtt::text("b") + "\x1F" +
                            mqtt::text("why") + "\x26" + mqtt::text("a") + mqtt::text("");
  Established connection(k5);
  connection.client(mqtt::publish(k5, {.qos = 1, .id = 7}) +
                    mqtt::publish(k5, {.qos = 2, .id = 8}) + mqtt::subscribe(k5, 9, {"t"}) +
                    mqtt::unsubscribe(k5, 10, {"t"}) + mqtt::publish(k5, {.qos = 1, .id = 11}));
  EXPECT_EQ(connection.broker(
                mqtt::acknowledgement5(0x40, 7, 0x87, block) +
                mqtt::acknowledgement5(0x50, 8, 0, block) + mqtt::suback(k5, 9, "\x87", block) +
                mqtt::unsuback(k5, 10, "\x11", block) + mqtt::acknowledgement5(0x40, 11, 0x10)),
            "");
  const std::string reason = "\x1F" + mqtt::text("why");
  EXPECT_THAT(
      connection.events().for_client,
      ElementsAre(mqtt::acknowledgement5(0x40, 7, 0x87, reason),
                  mqtt::pubrec(8),  // Paho never frees the properties of a PUBREC
                  mqtt::suback(k5, 9, "\x87", reason), mqtt::unsuback(k5, 10, "\x11", reason),
                  mqtt::packet(0x40, "\0\x0B\x10"s)));
}

TEST(Answers5, with_faulty_codes_or_properties_are_malformed) {
  for (const std::string& after_id : {"\0\1"s, "\0\0\0"s, "\0\3\x1F\0\1"s, "\0\3\3\0\0"s, "\0\x80"s,
                                      "\0\x06\x1F\0\0\x1F\0\0"s, "\0\x80\x80\x80\x80\0"s}) {
    Established connection(k5);
    connection.client(mqtt::publish(k5, {.qos = 1, .id = 7}));
    EXPECT_THAT(connection.broker(mqtt::packet(0x40, "\0\7"s + after_id)),
                HasSubstr("malformed PUBACK"))
        << hex(after_id);
    EXPECT_THAT(connection.lines(), IsEmpty());
  }
  for (const std::string& after_id : {""s, "\1"s, "\0"s, "\3\x1F\0\1\0"s}) {
    Established connection(k5);
    connection.client(mqtt::subscribe(k5, 7, {"t"}));
    EXPECT_THAT(connection.broker(mqtt::packet(0x90, "\0\7"s + after_id)),
                HasSubstr("malformed SUBACK"))
        << hex(after_id);
  }
}

TEST_P(Answers, pubrel_is_an_event_and_not_for_the_client) {
  Established connection(GetParam());
  EXPECT_EQ(connection.broker(mqtt::pubrel(65'535)), "");
  EXPECT_THAT(connection.lines(), ElementsAre("pubrel 65535"));
  EXPECT_EQ(connection.broker(mqtt::packet(0x60, "\0\1"s)),
            "malformed PUBREL from the broker: the flags of its fixed header are wrong");
}

TEST(Answers5, pubrel_may_have_a_reason) {
  Established connection(k5);
  EXPECT_EQ(connection.broker(mqtt::acknowledgement5(0x62, 1, 0x92, "\x1F" + mqtt::text("x")) +
                              mqtt::packet(0x62, "\0\2\0"s)),
            "");
  EXPECT_THAT(connection.lines(), ElementsAre("pubrel 1", "pubrel 2"));
  EXPECT_EQ(connection.broker(mqtt::acknowledgement5(0x62, 3, 0x10)), "") << "below 0x80: success";
  EXPECT_THAT(connection.lines(), Contains("pubrel 3"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
