#include "config/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/percent.h"
#include "config/url_text.h"

namespace dapr_mqtt::config {
namespace {

using core::Transport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

BrokerUrls good(std::string_view text) {
  std::vector<std::string> problems;
  BrokerUrls urls = parse_broker_urls(text, problems);
  EXPECT_THAT(problems, IsEmpty()) << text;
  EXPECT_FALSE(urls.endpoints.empty()) << text;
  if (urls.endpoints.empty()) urls.endpoints.emplace_back();
  return urls;
}

std::vector<std::string> bad(std::string_view text) {
  std::vector<std::string> problems;
  parse_broker_urls(text, problems);
  return problems;
}

std::string shown(std::string_view text) { return good(text).endpoints.front().str(); }

TEST(BrokerUrl, Has_the_transport_and_port_of_its_scheme_in_any_case) {
  EXPECT_EQ(shown("tcp://h"), "tcp://h:1883");
  EXPECT_EQ(shown("mqtt://h"), "tcp://h:1883");
  EXPECT_EQ(shown("MQTT://h"), "tcp://h:1883");
  EXPECT_EQ(shown("ssl://h"), "ssl://h:8883");
  EXPECT_EQ(shown("tls://h"), "ssl://h:8883");
  EXPECT_EQ(shown("mqtts://h"), "ssl://h:8883");
  EXPECT_EQ(shown("TcpS://h"), "ssl://h:8883");
  EXPECT_EQ(shown("ws://h"), "ws://h:80/mqtt");
  EXPECT_EQ(shown("wss://h"), "wss://h:443/mqtt");
  EXPECT_EQ(shown("  tcp://h:99/ \n"), "tcp://h:99");
}

TEST(BrokerUrl, Keeps_the_path_of_a_web_socket) {
  EXPECT_EQ(shown("ws://h:9001/"), "ws://h:9001/");
  EXPECT_EQ(shown("wss://h/a/b"), "wss://h:443/a/b");
  EXPECT_EQ(good("wss://h/m?sig=x").endpoints[0].path, "/m?sig=x");
  EXPECT_EQ(good("wss://h?sig=x").endpoints[0].path, "/?sig=x");
  EXPECT_EQ(good("wss://h/a@b").endpoints[0].path, "/a@b");
  EXPECT_EQ(good("wss://u:p@h/a@b").endpoints[0].host, "h");
}

TEST(BrokerUrl, Takes_ipv6_in_brackets) {
  EXPECT_EQ(good("tcp://[::1]").endpoints[0].host, "::1");
  EXPECT_EQ(good("tcp://[::1]").endpoints[0].port, 1883);
  EXPECT_EQ(good("ssl://[2001:db8::5]:99").endpoints[0].host, "2001:db8::5");
  EXPECT_EQ(good("ssl://u:p@[2001:db8::5]:99").endpoints[0].port, 99);
  EXPECT_EQ(good("tcp://[fe80::1%25eth0]").endpoints[0].host, "fe80::1%eth0");
  EXPECT_EQ(good("tcp://[fe80::1%eth0]").endpoints[0].host, "fe80::1%eth0");
}

TEST(BrokerUrl, Percent_decodes_user_and_password) {
  const BrokerUrls urls = good("tcp://us%40er:p%3A%2F%25+%20w@h");
  EXPECT_EQ(urls.username, "us@er");
  ASSERT_TRUE(urls.password.has_value());
  EXPECT_EQ(urls.password->reveal(), "p:/%+ w");
}

TEST(BrokerUrl, Takes_user_or_password_alone_and_empty_ones_as_none) {
  EXPECT_EQ(good("tcp://user@h").username, "user");
  EXPECT_FALSE(good("tcp://user@h").password.has_value());
  EXPECT_FALSE(good("tcp://user:@h").password.has_value());
  EXPECT_FALSE(good("tcp://:pw@h").username.has_value());
  EXPECT_EQ(good("tcp://:pw@h").password->reveal(), "pw");
  EXPECT_FALSE(good("tcp://@h").username.has_value());
}

TEST(BrokerUrl, Ends_user_information_at_the_last_at_sign) {
  const BrokerUrls urls = good("tcp://user:p@ss/w:rd,x?#@h:1");
  EXPECT_EQ(urls.username, "user");
  EXPECT_EQ(urls.password->reveal(), "p@ss/w:rd,x?#");
  EXPECT_EQ(urls.endpoints[0].str(), "tcp://h:1");
}

TEST(BrokerUrl, Lists_several_for_failover) {
  const BrokerUrls urls = good("tcp://a:1, ssl://u:p@b ,ws://c/x,");
  ASSERT_EQ(urls.endpoints.size(), 3U);
  EXPECT_EQ(urls.endpoints[0].str(), "tcp://a:1");
  EXPECT_EQ(urls.endpoints[1].str(), "ssl://b:8883");
  EXPECT_EQ(urls.endpoints[2].str(), "ws://c:80/x");
  EXPECT_EQ(urls.username, "u");
  EXPECT_EQ(urls.password->reveal(), "p");
  EXPECT_EQ(good("tcp://u:p@a,tcp://u:p@b").username, "u");
}

TEST(BrokerUrl, Refuses_different_users_in_one_list) {
  EXPECT_THAT(bad("tcp://u:p@a,tcp://v:q@b"),
              ElementsAre(HasSubstr("another user name"), HasSubstr("another password")));
}

TEST(BrokerUrl, Says_what_is_wrong) {
  EXPECT_THAT(bad("localhost:1883"),
              ElementsAre(HasSubstr("\"localhost:1883\" does not begin with tcp://")));
  EXPECT_THAT(bad("http://h"),
              ElementsAre(HasSubstr("unknown scheme; allowed are tcp://, mqtt://")));
  EXPECT_THAT(bad("mqtt5://h"), ElementsAre(HasSubstr("protocolVersion \"5\"")));
  EXPECT_THAT(bad("tcp://"), ElementsAre(HasSubstr("names no host")));
  EXPECT_THAT(bad("tcp://:1883"), ElementsAre(HasSubstr("names no host")));
  EXPECT_THAT(bad("tcp://user:pw@"), ElementsAre(HasSubstr("names no host")));
  EXPECT_THAT(bad("tcp:///path"),
              ElementsAre(HasSubstr("names no host"), HasSubstr("a path is for ws://")));
  EXPECT_THAT(bad("tcp://h/path"), ElementsAre(HasSubstr("a path is for ws:// and wss:// only")));
  EXPECT_THAT(bad("tcp://a,b:1"), ElementsAre(HasSubstr("each URL needs its scheme")));
  EXPECT_THAT(bad("tcp://a b"), ElementsAre(HasSubstr("characters that no host name has")));
  EXPECT_THAT(bad("tcp://::1:1883"), ElementsAre(HasSubstr("IPv6 addresses go in brackets")));
  EXPECT_THAT(bad("tcp://[::1"), ElementsAre(HasSubstr("[ without ]")));
  EXPECT_THAT(bad("tcp://[1.2.3.4]"), ElementsAre(HasSubstr("no valid IPv6 address")));
  EXPECT_THAT(bad("tcp://[::1%25]"), IsEmpty());  // a zone may be named "25"
  EXPECT_THAT(bad("tcp://[::1%]"), ElementsAre(HasSubstr("no valid IPv6 address")));
  EXPECT_THAT(bad("tcp://[::1]1883"), ElementsAre(HasSubstr("between ] and the port")));
  EXPECT_THAT(bad("ws://h/a b"), ElementsAre(HasSubstr("must be percent-encoded")));
  EXPECT_THAT(bad("ws://h/a:b"), ElementsAre(HasSubstr("must be percent-encoded")));
  EXPECT_THAT(bad("ws://h/a\r\nX: y"), ElementsAre(HasSubstr("must be percent-encoded")));
  EXPECT_THAT(bad(","), ElementsAre("holds no URL"));
  for (const char* port : {"", "0", "65536", "-1", "+1", "18x", "99999999999999999999"}) {
    EXPECT_THAT(bad("tcp://h:" + std::string(port)), ElementsAre(HasSubstr("not 1 to 65535")))
        << port;
  }
  for (const char* user : {"u%", "u%4", "u%zz", "u:p%", "u:%4g"}) {
    EXPECT_THAT(bad("tcp://" + std::string(user) + "@h"),
                ElementsAre(HasSubstr("write a % itself as %25")));
  }
}

TEST(BrokerUrl, Gathers_the_problems_of_all_urls_in_a_list) {
  EXPECT_THAT(bad("tcp://a:0,foo://b,tcp://c"),
              ElementsAre(HasSubstr("tcp://a:0"), HasSubstr("foo://b")));
}

TEST(BrokerUrl, Bounds_the_list) {
  std::string list;
  for (int i = 0; i < 33; ++i) list += "tcp://h,";
  EXPECT_THAT(bad(list), ElementsAre("has 33 URLs; at most 32 are taken"));
  EXPECT_THAT(bad("tcp://" + std::string(100'000, 'h')), ElementsAre("is longer than 64 KiB"));
}

TEST(MaskedUrl, Shows_no_user_information_whatever_else_is_wrong) {
  EXPECT_EQ(masked_url("tcp://user:geheim@h:1/"), "\"tcp://***@h:1/\"");
  EXPECT_EQ(masked_url("tcp://a:geheim@b:geheim@h"), "\"tcp://***@h\"");
  EXPECT_EQ(masked_url("user:geheim@h:1"), "\"***@h:1\"");
  EXPECT_EQ(masked_url("wss://h/p?token=geheim"), "\"wss://h/p?***\"");
  EXPECT_EQ(masked_url("tcp://h:1883"), "\"tcp://h:1883\"");
  EXPECT_EQ(masked_url("tcp://[::1]:1883"), "\"tcp://[::1]:1883\"");
  for (const char* url :
       {"tcp://user:geheim", "user:geheim", "tcp://user:geheim:1883", "tcp://user:geheim/x",
        "tcp://user:x/geheim", "tcp://[user:geheim", "tcp://user:1/geheim", "tcp//user:geheim@h",
        "ws://u:x/geheim@h", "tcp://h?geheim", "tcp://h#geheim", "tcp://h:x]:geheim",
        "tcp://u:x]geheim", "tcp:/u:geheim@h", "://u:geheim@h", "tcp://[:geheim]",
        "tcp://[geheim]:1"}) {
    EXPECT_THAT(masked_url(url), Not(HasSubstr("geheim"))) << url;
  }
}

TEST(MaskedUrl, Is_cut_and_escaped) {
  EXPECT_LT(masked_url("tcp://" + std::string(10'000, 'h')).size(), 150U);
  EXPECT_EQ(masked_url("tcp://h\n"), "\"tcp://h\\n\"");
}

TEST(PercentDecode, Turns_escapes_into_bytes_and_refuses_broken_ones) {
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("a%41%7e%C3%a9+"), "aA~\xC3\xA9+");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  for (const char* text : {"%", "%1", "a%", "%g0", "%0g", "%%41"}) {
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::config
