#include "dapr_mqtt/config/component_settings.h"

#include <limits>

#include "parsed.h"

namespace dapr_mqtt::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(ComponentSettings, Have_the_documented_defaults_when_only_url_is_given) {
  const ComponentSettings settings = settings_of(metadata());
  ASSERT_EQ(settings.connection.endpoints.size(), 1U);
  EXPECT_EQ(settings.connection.endpoints[0].str(), "tcp://broker:1883");
  EXPECT_EQ(settings.connection.client_id, "app");
  EXPECT_EQ(settings.connection.username, "");
  EXPECT_TRUE(settings.connection.password.empty());
  EXPECT_TRUE(settings.connection.clean_session);
  EXPECT_EQ(settings.connection.connect_timeout, seconds(4));
  EXPECT_EQ(settings.connection.keep_alive, seconds(30));
  EXPECT_EQ(settings.connection.protocol, core::ProtocolVersion::kMqtt311);
  EXPECT_EQ(settings.connection.tls.ca_pem, "");
  EXPECT_EQ(settings.qos, core::QoS::kAtMostOnce);
  EXPECT_FALSE(settings.retain);
  EXPECT_EQ(settings.max_retries, 0);
  EXPECT_EQ(settings.retry_interval, seconds(5));
  EXPECT_EQ(settings.publish_timeout, seconds(20));
  EXPECT_FALSE(settings.connect_in_background);
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(ComponentSettings, Take_every_key) {
  const ComponentSettings settings = settings_of({{"url", "tcp://broker:1884"},
                                                  {"username", "user"},
                                                  {"password", "pass word "},
                                                  {"consumerID", "me"},
                                                  {"qos", "2"},
                                                  {"retain", "YES"},
                                                  {"cleanSession", "off"},
                                                  {"backOffMaxRetries", "-1"},
                                                  {"backOffInterval", "250ms"},
                                                  {"connectInBackground", "1"},
                                                  {"connectTimeout", "2"},
                                                  {"keepAliveInterval", "1m"},
                                                  {"publishTimeout", "1.5s"},
                                                  {"protocolVersion", "5"},
                                                  {"sessionExpiryInterval", "24h"},
                                                  {"consumerGroup", "workers"},
                                                  {"concurrencyMode", "Ordered"},
                                                  {"orderBy", "property:device"},
                                                  {"inbox", "Broker"},
                                                  {"maxConcurrentHandlers", "7"},
                                                  {"deadLetterTopic", "dead/letters"},
                                                  {"willTopic", "state/me"},
                                                  {"willPayload", " gone "},
                                                  {"willQos", "1"},
                                                  {"willRetain", "true"}});
  EXPECT_EQ(settings.connection.username, "user");
  EXPECT_EQ(settings.connection.password.reveal(), "pass word ");
  EXPECT_EQ(settings.qos, core::QoS::kExactlyOnce);
  EXPECT_TRUE(settings.retain);
  EXPECT_FALSE(settings.connection.clean_session);
  EXPECT_EQ(settings.max_retries, -1);
  EXPECT_EQ(settings.retry_interval, milliseconds(250));
  EXPECT_TRUE(settings.connect_in_background);
  EXPECT_EQ(settings.connection.connect_timeout, seconds(2));
  EXPECT_EQ(settings.connection.keep_alive, seconds(60));
  EXPECT_EQ(settings.publish_timeout, milliseconds(1500));
  EXPECT_EQ(settings.connection.protocol, core::ProtocolVersion::kMqtt5);
  EXPECT_EQ(settings.connection.session_expiry, seconds(86'400));
  EXPECT_EQ(settings.consumer_group, "workers");
  EXPECT_EQ(settings.order.mode, core::ConcurrencyMode::kOrdered);
  EXPECT_EQ(settings.order.key, core::OrderKey::parse("property:device"));
  EXPECT_EQ(settings.inbox, Inbox::kBroker);
  EXPECT_EQ(settings.max_handlers, 7U);
  ASSERT_TRUE(settings.dead_letter_topic);
  EXPECT_EQ(settings.dead_letter_topic->str(), "dead/letters");
  ASSERT_TRUE(settings.connection.will);
  EXPECT_EQ(settings.connection.will->topic.str(), "state/me");
  EXPECT_EQ(settings.connection.will->payload, " gone ");
  EXPECT_EQ(settings.connection.will->qos, core::QoS::kAtLeastOnce);
  EXPECT_TRUE(settings.connection.will->retain);
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(ComponentSettings, Take_mqtt_3_1_1_in_parallel_without_will_when_nothing_is_said) {
  const ComponentSettings settings = settings_of(metadata());
  EXPECT_EQ(settings.consumer_group, "");
  EXPECT_EQ(settings.order, core::DeliveryOrder{});
  EXPECT_EQ(settings.inbox, Inbox::kAuto);
  EXPECT_EQ(settings.max_handlers, 100U);
  EXPECT_FALSE(settings.dead_letter_topic);
  EXPECT_FALSE(settings.connection.will);
  EXPECT_FALSE(settings.connection.session_expiry);
}

TEST(ComponentSettings, Refuse_what_mqtt_cannot_carry_of_the_newer_keys) {
  const std::string text = problem_of(metadata({{"protocolVersion", "4"},
                                                {"sessionExpiryInterval", "0"},
                                                {"consumerGroup", "a/b"},
                                                {"concurrencyMode", "some"},
                                                {"orderBy", "segment:0"},
                                                {"inbox", "memory"},
                                                {"maxConcurrentHandlers", "0"},
                                                {"deadLetterTopic", "a/#"},
                                                {"willTopic", "+"},
                                                {"willQos", "3"}}));
  for (const char* key :
       {"protocolVersion: \"4\"", "sessionExpiryInterval: \"0\"", "consumerGroup: \"a/b\"",
        "concurrencyMode: \"some\"", "orderBy: \"segment:0\"", "inbox: \"memory\"",
        "maxConcurrentHandlers: \"0\"", "deadLetterTopic: \"a/#\"", "willTopic: \"+\"",
        "willQos: \"3\""}) {
    EXPECT_THAT(text, HasSubstr(key));
  }
  for (const char* group : {"+", "a#", "\xC3(", "a+b"}) {
    EXPECT_THAT(problem_of(metadata({{"consumerGroup", group}})), HasSubstr("consumerGroup: "));
  }
}

TEST(ComponentSettings, Refuse_a_will_without_its_topic) {
  EXPECT_THAT(problem_of(metadata({{"willPayload", "gone"}, {"willRetain", "true"}})),
              HasSubstr("willTopic: is missing"));
}

TEST(ComponentSettings, Warn_of_a_session_expiry_that_nobody_sees) {
  EXPECT_THAT(settings_of(metadata({{"sessionExpiryInterval", "1h"}})).warnings,
              ElementsAre(HasSubstr("only protocolVersion 5 has it")));
  EXPECT_THAT(
      settings_of(metadata({{"sessionExpiryInterval", "1h"}, {"protocolVersion", "5"}})).warnings,
      ElementsAre(HasSubstr("cleanSession is true")));
}

TEST(ComponentSettings, Warn_of_an_inbox_that_a_clean_session_has_no_use_for) {
  EXPECT_THAT(settings_of(metadata({{"inbox", "disk"}, {"inboxSync", "full"}})).warnings,
              UnorderedElementsAre(HasSubstr("inbox: has no effect, since cleanSession is true"),
                                   HasSubstr("inboxSync: has no effect")));
  // Also for the default value, if the user has written it: they expect it to have an effect.
  EXPECT_THAT(settings_of(metadata({{"Inbox", "auto"}})).warnings,
              ElementsAre(HasSubstr("inbox: has no effect")));
  EXPECT_THAT(
      settings_of(metadata({{"inbox", "disk"}, {"cleanSession", "false"}, {"qos", "1"}})).warnings,
      IsEmpty());
  EXPECT_THAT(settings_of(metadata({{"inboxMaxMessages", "10"}})).warnings, IsEmpty());
}

TEST(ComponentSettings, Take_a_password_without_user_name_with_mqtt5) {
  const auto settings = settings_of(metadata({{"password", "geheim"}, {"protocolVersion", "5"}}));
  EXPECT_EQ(settings.connection.password.reveal(), "geheim");
}

TEST(ComponentSettings, Take_blank_values_as_not_given) {
  const ComponentSettings settings =
      settings_of(metadata({{"qos", ""}, {"retain", "  "}, {"caCert", "\n"}, {"clientKey", " "}}));
  EXPECT_EQ(settings.qos, core::QoS::kAtMostOnce);
  EXPECT_EQ(settings.connection.tls.ca_pem, "");
}

TEST(ComponentSettings, Leave_out_the_line_break_at_the_end_of_secrets_made_from_files) {
  const ComponentSettings settings =
      settings_of(metadata({{"username", "user\n"}, {"password", "pass\r\n"}}));
  EXPECT_EQ(settings.connection.username, "user");
  EXPECT_EQ(settings.connection.password.reveal(), "pass");
}

TEST(ComponentSettings, List_every_problem_in_one_line_with_key_value_and_what_is_allowed) {
  const std::string text = problem_of({{"qos", "3"},
                                       {"retain", "maybe"},
                                       {"backOffMaxRetries", "-2"},
                                       {"connectTimeout", "soon"},
                                       {"clientCert", "x"}});
  EXPECT_THAT(text,
              ::testing::StartsWith("8 problems in the component's metadata: url: is missing"));
  EXPECT_THAT(text, HasSubstr("; consumerID: is missing; "));
  EXPECT_THAT(text, HasSubstr("; qos: \"3\" is not one of 0, 1, 2; "));
  EXPECT_THAT(text,
              HasSubstr("; retain: \"maybe\" is not true or false (also 1/0, yes/no, on/off)"));
  EXPECT_THAT(text, HasSubstr("backOffMaxRetries: \"-2\" is not a whole number from -1 up"));
  EXPECT_THAT(text,
              HasSubstr("connectTimeout: \"soon\" is not a duration like 5s, 500ms or 1m30s"));
  EXPECT_THAT(text, HasSubstr("clientCert: holds no PEM block"));
  EXPECT_THAT(text, HasSubstr("clientCert: needs clientKey"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(ComponentSettings, Say_one_problem_when_there_is_one) {
  EXPECT_EQ(problem_of(metadata({{"qos", "abc"}})),
            "1 problem in the component's metadata: qos: \"abc\" is not one of 0, 1, 2");
}

TEST(ComponentSettings, Refuse_numbers_and_booleans_they_would_have_to_guess) {
  for (const char* qos : {"3", "-1", "1.0", "0x1", "one", "1 2", "99999999999999999999"}) {
    EXPECT_THAT(problem_of(metadata({{"qos", qos}})), HasSubstr("qos: \"" + std::string(qos)));
  }
  for (const char* key : {"retain", "cleanSession", "connectInBackground"}) {
    EXPECT_THAT(problem_of(metadata({{key, "2"}})),
                HasSubstr(std::string(key) + ": \"2\" is not true"));
  }
  for (const char* retries : {"-2", "1.5", "many", "9223372036854775808"}) {
    EXPECT_THAT(problem_of(metadata({{"backOffMaxRetries", retries}})), HasSubstr("from -1 up"));
  }
  EXPECT_EQ(settings_of(metadata({{"backOffMaxRetries", "9223372036854775807"}})).max_retries,
            std::numeric_limits<std::int64_t>::max());
}

TEST(ComponentSettings, Hold_durations_to_their_ranges) {
  const auto refused = [](const char* key, const char* value) {
    const std::string text = problem_of(metadata({{key, value}}));
    EXPECT_THAT(text, HasSubstr(std::string(key) + ": \"" + value + "\" is not ")) << text;
  };
  for (const char* value : {"0", "-1s", "10m1s", "5 s", "1d"}) refused("connectTimeout", value);
  for (const char* value : {"-1s", "1500ms", "1.5s", "65536", "500ms"})
    refused("keepAliveInterval", value);
  for (const char* value : {"-1ms", "25h"}) refused("backOffInterval", value);
  for (const char* value : {"0s", "-5", "24h1s"}) refused("publishTimeout", value);

  const auto settings = settings_of(metadata({{"connectTimeout", "1us"},
                                              {"keepAliveInterval", "0"},
                                              {"backOffInterval", "0s"},
                                              {"publishTimeout", "24h"}}));
  EXPECT_EQ(settings.connection.connect_timeout, milliseconds(1));
  EXPECT_EQ(settings.connection.keep_alive, seconds(0));
  EXPECT_EQ(settings.retry_interval, milliseconds(0));
  EXPECT_EQ(settings.publish_timeout, std::chrono::hours(24));
  EXPECT_EQ(settings_of(metadata({{"keepAliveInterval", "65535"}})).connection.keep_alive,
            seconds(65535));
}

TEST(ComponentSettings, Take_user_and_password_from_the_url_or_from_their_keys) {
  const auto from = [](const char* url, core::Metadata more = {}) {
    more["url"] = url;
    return settings_of(metadata(more)).connection;
  };
  EXPECT_EQ(from("tcp://u:p@h").username, "u");
  EXPECT_EQ(from("tcp://u:p@h").password.reveal(), "p");
  EXPECT_EQ(from("tcp://h", {{"username", "u"}, {"password", "p"}}).password.reveal(), "p");
  EXPECT_EQ(from("tcp://u@h", {{"password", "p"}}).username, "u");
  EXPECT_EQ(from("tcp://:p@h", {{"username", "u"}}).password.reveal(), "p");
  EXPECT_EQ(from("tcp://u:p@h", {{"username", "u"}, {"password", "p"}}).username, "u");
  EXPECT_TRUE(from("tcp://u@h").password.empty());
}

TEST(ComponentSettings, Refuse_credentials_that_contradict_each_other_without_showing_them) {
  const std::string text = problem_of(
      metadata({{"url", "tcp://anna:first@h"}, {"username", "berta"}, {"password", "second"}}));
  EXPECT_THAT(text, HasSubstr("2 problems"));
  EXPECT_THAT(text, HasSubstr("username: differs from the user name in url"));
  EXPECT_THAT(text, HasSubstr("password: differs from the password in url"));
  for (const char* secret : {"anna", "first", "berta", "second"}) {
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
}

TEST(ComponentSettings, Refuse_a_password_without_user_name_as_mqtt_3_1_1_does) {
  EXPECT_THAT(problem_of(metadata({{"password", "geheim"}})),
              HasSubstr("password: a password needs a user name"));
  EXPECT_THAT(problem_of(metadata({{"url", "tcp://:geheim@h"}})),
              HasSubstr("url: a password needs a user name"));
}

TEST(ComponentSettings, Show_no_user_name_that_is_not_utf8) {
  EXPECT_THAT(problem_of(metadata({{"username", "anna\xFF"}})),
              HasSubstr("username: *** is not UTF-8"));
  EXPECT_THAT(problem_of(metadata({{"url", "tcp://anna%00@h"}})),
              HasSubstr("url: *** holds a NUL character"));
}

TEST(ComponentSettings, Refuse_a_consumer_id_that_mqtt_cannot_carry) {
  EXPECT_THAT(problem_of(metadata({{"consumerID", std::string("a\0b", 3)}})), HasSubstr("NUL"));
  EXPECT_THAT(problem_of(metadata({{"consumerID", "\xC3("}})), HasSubstr("is not UTF-8"));
  EXPECT_THAT(problem_of(metadata({{"consumerID", std::string(65'523, 'x')}})),
              HasSubstr("consumerID: has 65523 bytes; at most 65522"));
  EXPECT_EQ(
      settings_of(metadata({{"consumerID", std::string(65'522, 'x')}})).connection.client_id.size(),
      65'522U);
  EXPECT_THAT(problem_of(metadata({{"consumerID", std::string(65'500, 'x') + "{uuid}"}})),
              HasSubstr("consumerID: has 65536 bytes"));
}

TEST(ComponentSettings, Refuse_a_missing_or_blank_consumer_id_and_say_what_to_do) {
  for (const core::Metadata& given : {core::Metadata{{"url", "tcp://h"}},
                                      core::Metadata{{"url", "tcp://h"}, {"consumerID", " \n"}}}) {
    EXPECT_THAT(problem_of(given),
                HasSubstr("consumerID: is missing; daprd sets it to the app ID"));
  }
}

TEST(ComponentSettings, Replace_each_uuid_in_the_consumer_id_anew) {
  const std::string uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
  const auto id = [](const char* text) {
    return settings_of(metadata({{"consumerID", text}})).connection.client_id;
  };
  EXPECT_THAT(id("{uuid}"), ::testing::MatchesRegex(uuid));
  EXPECT_THAT(id("a-{uuid}-b"), ::testing::MatchesRegex("a-" + uuid + "-b"));
  const std::string two = id("{uuid}{uuid}");
  ASSERT_EQ(two.size(), 72U);
  EXPECT_NE(two.substr(0, 36), two.substr(36));
  EXPECT_NE(id("{uuid}"), id("{uuid}"));
}

TEST(ComponentSettings, Warn_that_qos_0_keeps_nothing_for_a_persistent_session) {
  EXPECT_THAT(settings_of(metadata({{"cleanSession", "false"}})).warnings,
              ElementsAre(HasSubstr("cleanSession is false but qos is 0")));
  EXPECT_THAT(settings_of(metadata({{"cleanSession", "false"}, {"qos", "1"}})).warnings, IsEmpty());
  EXPECT_THAT(settings_of(metadata({{"backOffMaxRetries", "3"}})).warnings, IsEmpty());
}

TEST(ComponentSettings, Warn_that_a_random_consumer_id_gets_nothing_of_a_persistent_session) {
  const auto warnings = [](const std::string& id, const std::string& clean) {
    return settings_of(metadata({{"consumerID", id}, {"cleanSession", clean}, {"qos", "1"}}))
        .warnings;
  };
  const std::string why = "no later start has this consumerID again";
  EXPECT_THAT(warnings("app-{uuid}", "false"),
              ElementsAre(::testing::AllOf(HasSubstr("consumerID is random ({uuid})"),
                                           HasSubstr(why), HasSubstr("{podName}"))));
  // daprd has replaced {uuid}, or the user wrote a UUID.
  EXPECT_THAT(warnings("app-0f8fad5b-d9cb-469f-a165-70867728950e", "false"),
              ElementsAre(::testing::AllOf(HasSubstr("has a UUID in it"), HasSubstr(why))));
  EXPECT_THAT(warnings("app-{uuid}", "true"), IsEmpty());
  EXPECT_THAT(warnings("app-{podName}", "false"), IsEmpty());
}

TEST(ComponentSettings, Warn_when_daprd_would_give_up_first) {
  EXPECT_THAT(settings_of(metadata({{"connectTimeout", "5s"}})).warnings,
              ElementsAre(HasSubstr("initTimeout")));
  EXPECT_THAT(
      settings_of(metadata({{"connectTimeout", "9s"}, {"connectInBackground", "y"}})).warnings,
      IsEmpty());
}

TEST(ComponentSettings, Keep_an_error_short_however_long_the_values_are) {
  core::Metadata given;
  for (const char* key : {"qos", "retain", "cleanSession", "backOffMaxRetries", "backOffInterval",
                          "connectInBackground", "connectTimeout", "keepAliveInterval",
                          "publishTimeout", "caCert", "clientCert", "clientKey"}) {
    given[key] = std::string(100'000, '\x01');
  }
  for (int i = 0; i < 32; ++i) {
    given["url"] += "x://" + std::string(1000, 'h') + ":99999,";
  }
  const std::string text = problem_of(given);
  EXPECT_LT(text.size(), 8'000U);
  EXPECT_THAT(text, HasSubstr(" more"));
}

}  // namespace
}  // namespace dapr_mqtt::config
