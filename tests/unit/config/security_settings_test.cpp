// The keys of credentials in files, TLS, proxies, WebSockets and MQTT 5's authentication.
#include "parsed.h"
#include "support/certificates.h"

namespace dapr_mqtt::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

TEST(SecuritySettings, Files_are_paths) {
  const auto files = settings_of(tls({{"username", "u"},
                                      {"passwordFile", "/p"},
                                      {"caCertFile", " /ca "},
                                      {"clientCertFile", "/cert"},
                                      {"clientKeyFile", "/key"},
                                      {"clientKeyPasswordFile", "/pass"}}))
                         .connection.files;
  EXPECT_EQ(files.password, "/p");
  EXPECT_EQ(files.ca_cert, "/ca");
  EXPECT_EQ(files.client_cert, "/cert");
  EXPECT_EQ(files.client_key, "/key");
  EXPECT_EQ(files.client_key_password, "/pass");
  EXPECT_THAT(problem_of(tls({{"caCertFile", "ca.crt"}})), HasSubstr("is not an absolute path"));
  EXPECT_THAT(
      problem_of(tls({{"caCertFile", testing::CertificateAuthority().pem()}})),
      HasSubstr(
          "caCertFile: holds PEM text; it is the path of a file, the text itself goes into caCert"));
}

TEST(SecuritySettings, Value_and_file_exclude_each_other) {
  const std::string pem = testing::CertificateAuthority().pem();
  EXPECT_THAT(problem_of(tls({{"username", "u"}, {"password", "hush"}, {"passwordFile", "/p"}})),
              AllOf(HasSubstr("passwordFile: given beside password; keep one of them"),
                    Not(HasSubstr("hush"))));
  EXPECT_THAT(
      problem_of(metadata({{"url", "ssl://u:hush@broker"}, {"passwordFile", "/p"}})),
      AllOf(HasSubstr("passwordFile: given beside the password in url"), Not(HasSubstr("hush"))));
  EXPECT_THAT(problem_of(tls({{"caCert", pem}, {"caCertFile", "/ca"}})),
              HasSubstr("caCertFile: given beside caCert"));
  EXPECT_THAT(problem_of(tls({{"authMethod", "m"},
                              {"authData", "hush"},
                              {"authDataFile", "/d"},
                              {"protocolVersion", "5"}})),
              HasSubstr("authDataFile: given beside authData"));
}

TEST(SecuritySettings, Password_file_needs_a_user_name_in_mqtt_3) {
  EXPECT_THAT(problem_of(metadata({{"passwordFile", "/p"}})),
              HasSubstr("passwordFile: a password needs a user name"));
  settings_of(metadata({{"passwordFile", "/p"}, {"protocolVersion", "5"}}));
}

TEST(SecuritySettings, Certificate_and_key_go_together_wherever_they_are) {
  const auto client = testing::CertificateAuthority().client();
  EXPECT_THAT(problem_of(tls({{"clientKeyFile", "/key"}})),
              HasSubstr("clientKeyFile: needs clientCert"));
  settings_of(tls({{"clientCertFile", "/client.p12"}, {"clientKeyPassword", "hush"}}));
  settings_of(tls({{"clientCert", client.cert_pem}, {"clientKeyFile", "/key"}}));
  settings_of(tls({{"clientCertFile", "/cert"}, {"clientKey", client.key_pem}}));
}

TEST(SecuritySettings, Tls_is_set_as_written) {
  const auto all = settings_of(tls({{"tlsServerName", "broker.example"},
                                    {"tlsMinVersion", "1.3"},
                                    {"caCertMode", "add"},
                                    {"caCertFile", "/ca"},
                                    {"alpn", "mqtt, x"}}));
  EXPECT_EQ(all.connection.tls.server_name, "broker.example");
  EXPECT_EQ(all.connection.tls.min_version, core::TlsVersion::k13);
  EXPECT_TRUE(all.connection.tls.system_cas_too);
  EXPECT_THAT(all.connection.tls.alpn, ElementsAre("mqtt", "x"));
  EXPECT_THAT(all.warnings, IsEmpty());
  EXPECT_THAT(problem_of(tls({{"tlsMinVersion", "1.1"}})), HasSubstr("one of 1.2, 1.3"));
  EXPECT_THAT(problem_of(tls({{"caCertMode", "both"}})), HasSubstr("one of replace, add"));
  EXPECT_THAT(problem_of(tls({{"alpn", std::string(300, 'x')}})), HasSubstr("alpn"));
}

TEST(SecuritySettings, Missing_verification_is_said_at_every_start) {
  EXPECT_THAT(settings_of(tls({{"tlsInsecureSkipVerify", "true"}})).warnings,
              ElementsAre(HasSubstr("is NOT verified")));
  EXPECT_THAT(settings_of(metadata({{"tlsInsecureSkipVerify", "true"}})).warnings,
              ElementsAre(HasSubstr("has no effect, since url does not ask for TLS")));
}

TEST(SecuritySettings, Proxy_is_taken_apart) {
  const auto proxy =
      settings_of(metadata({{"proxyURL", "http://me%40x:p%3Aq@[::1]:3128"}})).connection.proxy;
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->kind, core::Proxy::Kind::kHttp);
  EXPECT_EQ(proxy->host, "::1");
  EXPECT_EQ(proxy->port, 3128);
  EXPECT_EQ(proxy->username, "me@x");
  EXPECT_EQ(proxy->password.reveal(), "p:q");
  EXPECT_EQ(proxy->str(), "http://[::1]:3128");
  EXPECT_EQ(settings_of(metadata({{"proxyURL", "socks5h://p:1080"}})).connection.proxy->kind,
            core::Proxy::Kind::kSocks5);
  for (const auto& [text, why] : std::map<std::string, std::string>{
           {"proxy:3128", "does not begin with http:// or socks5://"},
           {"https://u:hush@p:1", "asks for TLS to the proxy"},
           {"ftp://u:hush@p:1", "unknown scheme"},
           {"http://u:hush@p", "names no port"},
           {"http://u:hush@p:1/x", "has more after host and port"},
           {"http://u:hu%sh@p:1", "has a % in its user name or password"},
           {"http://u:hush@p:99999", "1 to 65535"}}) {
    const std::string problem = problem_of(metadata({{"proxyURL", text}}));
    EXPECT_THAT(problem, AllOf(HasSubstr("proxyURL: "), HasSubstr(why))) << text;
    EXPECT_THAT(problem, AllOf(Not(HasSubstr("hush")), Not(HasSubstr("hu%sh")))) << text;
  }
}

TEST(SecuritySettings, Web_socket_headers_are_lines) {
  const auto all =
      settings_of(metadata({{"url", "wss://broker"},
                            {"webSocketHeaders", "Authorization: Bearer hush\nX-Site : a:b\n"},
                            {"webSocketSubprotocol", "mqttv3.1"}}));
  const auto& headers = all.connection.websocket.headers;
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].first, "Authorization");
  EXPECT_EQ(headers[0].second.reveal(), "Bearer hush");
  EXPECT_EQ(headers[1].first, "X-Site");
  EXPECT_EQ(headers[1].second.reveal(), "a:b");
  EXPECT_EQ(all.connection.websocket.subprotocol, "mqttv3.1");
  for (const char* bad : {"Bearer hush", "Upgrade: hush", "sec-websocket-protocol: hush",
                          "A b: hush", "A: hush\x01"}) {
    EXPECT_THAT(problem_of(metadata({{"url", "ws://broker"}, {"webSocketHeaders", bad}})),
                AllOf(HasSubstr("webSocketHeaders: line 1"), Not(HasSubstr("hush"))));
  }
  EXPECT_THAT(settings_of(metadata({{"webSocketHeaders", "A: hush"}})).warnings,
              ElementsAre(HasSubstr("webSocketHeaders: has no effect")));
}

TEST(SecuritySettings, Authentication_is_mqtt_5s_and_without_an_exchange) {
  const auto all = settings_of(metadata({{"protocolVersion", "5"},
                                         {"authMethod", "K8S-SAT"},
                                         {"authData", "hush\n"},
                                         {"connectUserProperties", "site=berlin, line=4"}}));
  EXPECT_EQ(all.connection.auth_method, "K8S-SAT");
  EXPECT_EQ(all.connection.auth_data.reveal(), "hush");
  EXPECT_THAT(all.connection.user_properties,
              ElementsAre(Pair("site", "berlin"), Pair("line", "4")));
  EXPECT_THAT(problem_of(metadata({{"authMethod", "K8S-SAT"}})),
              HasSubstr("authMethod: needs protocolVersion"));
  EXPECT_THAT(problem_of(metadata({{"protocolVersion", "5"}, {"authDataFile", "/d"}})),
              HasSubstr("authDataFile: needs authMethod"));
  EXPECT_THAT(problem_of(metadata({{"protocolVersion", "5"}, {"authMethod", "SCRAM-SHA-256"}})),
              HasSubstr("exchanges AUTH packets, which is not supported"));
  EXPECT_THAT(problem_of(metadata({{"protocolVersion", "5"}, {"connectUserProperties", "x"}})),
              HasSubstr("is not like name=value"));
}

TEST(SecuritySettings, Will_has_the_properties_of_a_message_with_mqtt_5) {
  const core::Metadata will = {{"willTopic", "t"},
                               {"willMessageExpiryInterval", "1h"},
                               {"willPayloadFormat", "text"},
                               {"willContentType", "text/plain"},
                               {"willResponseTopic", "answers"},
                               {"willCorrelationData", "AAE="},
                               {"willUserProperties", "site=berlin, line=4"}};
  core::Metadata five = will;
  five["protocolVersion"] = "5";
  const auto all = settings_of(metadata(five));
  ASSERT_TRUE(all.connection.will);
  EXPECT_TRUE(all.connection.will->text);
  const core::MessageProperties& properties = all.connection.will->properties;
  EXPECT_EQ(properties.expiry, std::chrono::hours(1));
  EXPECT_EQ(properties.content_type, "text/plain");
  EXPECT_EQ(properties.response_topic, "answers");
  EXPECT_EQ(properties.correlation_data, std::string("\0\1", 2));
  EXPECT_THAT(properties.user_properties, ElementsAre(Pair("site", "berlin"), Pair("line", "4")));
  EXPECT_THAT(all.warnings, IsEmpty());

  EXPECT_THAT(
      settings_of(metadata(will)).warnings,
      ElementsAre(AllOf(HasSubstr("willUserProperties"),
                        HasSubstr("has no effect, since only protocolVersion 5 has them"))));
  for (const auto& [key, bad] :
       std::map<std::string, std::string>{{"willMessageExpiryInterval", "0"},
                                          {"willPayloadFormat", "utf8"},
                                          {"willResponseTopic", "a/#"},
                                          {"willCorrelationData", "%"},
                                          {"willUserProperties", "x"}}) {
    core::Metadata wrong = five;
    wrong[key] = bad;
    EXPECT_THAT(problem_of(metadata(wrong)), HasSubstr(key + ": ")) << bad;
  }
  EXPECT_THAT(problem_of(metadata({{"willContentType", "text/plain"}, {"protocolVersion", "5"}})),
              HasSubstr("no use for willContentType"));
}

TEST(SecuritySettings, Publishing_connection_may_have_a_client_id_of_its_own) {
  EXPECT_EQ(
      settings_of(metadata({{"clientIdPublisher", "orders-out"}})).connection.publisher_client_id,
      "orders-out");
  EXPECT_THAT(
      settings_of(metadata({{"clientIdPublisher", "out-{uuid}"}})).connection.publisher_client_id,
      ::testing::MatchesRegex("out-[0-9a-f-]{36}"));
  EXPECT_EQ(settings_of(metadata()).connection.publisher_client_id, "");
  EXPECT_THAT(problem_of(metadata({{"consumerID", "orders"}, {"clientIdPublisher", "orders"}})),
              HasSubstr("clientIdPublisher: is consumerID too"));
}

TEST(SecuritySettings, Will_delay_is_mqtt_5s) {
  const core::Metadata will = {{"willTopic", "t"}, {"willDelayInterval", "30s"}};
  core::Metadata five = will;
  five["protocolVersion"] = "5";
  EXPECT_EQ(settings_of(metadata(five)).connection.will->delay, std::chrono::seconds(30));
  EXPECT_THAT(settings_of(metadata(will)).warnings,
              ElementsAre(HasSubstr("willDelayInterval: has no effect")));
}

}  // namespace
}  // namespace dapr_mqtt::config
