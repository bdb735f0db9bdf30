// The three Component files of Dapr's page on pubsub.mqtt, unchanged except for
// their placeholders: the metadata that daprd sends for each, and our settings from it.
#include <yaml-cpp/yaml.h>

#include "dapr_mqtt/core/metadata.h"
#include "parsed.h"
#include "support/certificates.h"

namespace dapr_mqtt::config {
namespace {

using ::testing::IsEmpty;

/// Init's metadata as daprd makes it from the list under spec.metadata: YAML
/// numbers become text, and consumerID is the app's ID if nothing is there.
core::Metadata as_daprd_sends(const std::string& spec_metadata, const std::string& app_id) {
  core::Metadata out;
  for (const YAML::Node& item : YAML::Load(spec_metadata)) {
    out[item["name"].as<std::string>()] = item["value"].as<std::string>();
  }
  if (out["consumerID"].empty()) out["consumerID"] = app_id;
  return out;
}

TEST(DocumentedPage, Plain_example_works) {
  for (const char* url : {"tcp://host.domain", "tcp://host.domain:1883", "tcp://user@host.domain",
                          "tcp://user:password@host.domain:1883"}) {
    const ComponentSettings settings = settings_of(as_daprd_sends(std::string(R"(
  - name: url
    value: ")") + url + R"("
  - name: qos
    value: 1
  - name: retain
    value: "false"
  - name: cleanSession
    value: "true"
  - name: backOffMaxRetries
    value: "0"
)",
                                                                  "myapp"));
    EXPECT_EQ(settings.connection.endpoints.at(0).str(), "tcp://host.domain:1883");
    EXPECT_EQ(settings.connection.client_id, "myapp");
    EXPECT_EQ(settings.qos, core::QoS::kAtLeastOnce);
    EXPECT_FALSE(settings.retain);
    EXPECT_TRUE(settings.connection.clean_session);
    EXPECT_EQ(settings.max_retries, 0);
    EXPECT_THAT(settings.warnings, IsEmpty());
  }
}

TEST(DocumentedPage, Tls_example_works) {
  const testing::CertificateAuthority ca;
  const testing::Identity client = ca.client();
  core::Metadata given = as_daprd_sends(R"(
  - name: url
    value: "ssl://host.domain"
  - name: qos
    value: 1
  - name: retain
    value: "false"
  - name: cleanSession
    value: "false"
  - name: backoffMaxRetries
    value: "0"
)",
                                        "myapp");
  given["caCert"] = ca.pem();
  given["clientCert"] = client.cert_pem;
  given["clientKey"] = client.key_pem;  // resolved by daprd from its secret store
  const ComponentSettings settings = settings_of(given);
  EXPECT_EQ(settings.connection.endpoints.at(0).str(), "ssl://host.domain:8883");
  EXPECT_FALSE(settings.connection.clean_session);
  EXPECT_FALSE(settings.connection.tls.ca_pem.empty());
  EXPECT_FALSE(settings.connection.tls.cert_pem.empty());
  EXPECT_FALSE(settings.connection.tls.key_pem.empty());
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(DocumentedPage, Shared_topic_example_works) {
  const std::string list = R"(
    - name: consumerID
      value: "{uuid}"
    - name: url
      value: "tcp://admin:public@localhost:1883"
    - name: qos
      value: 1
    - name: retain
      value: "false"
    - name: cleanSession
      value: "false"
    - name: backoffMaxRetries
      value: "0"
)";
  const ComponentSettings one = settings_of(as_daprd_sends(list, "myapp"));
  const ComponentSettings two = settings_of(as_daprd_sends(list, "myapp"));
  EXPECT_EQ(one.connection.username, "admin");
  EXPECT_EQ(one.connection.password.reveal(), "public");
  EXPECT_EQ(one.connection.endpoints.at(0).str(), "tcp://localhost:1883");
  EXPECT_EQ(one.connection.client_id.size(), 36U);
  EXPECT_NE(one.connection.client_id, two.connection.client_id);
  EXPECT_THAT(one.warnings, ::testing::ElementsAre(
                                ::testing::HasSubstr("no later start has this consumerID again")));
}

TEST(DocumentedPage, Placeholders_left_in_get_an_error_of_their_own) {
  EXPECT_THAT(problem_of(metadata({{"url", "tcp://[username][:password]@host.domain[:port]"}})),
              ::testing::HasSubstr("still has the documentation's [placeholders]"));
  EXPECT_THAT(problem_of(metadata({{"url", "ssl://host.domain[:port]"}})),
              ::testing::HasSubstr("still has the documentation's [placeholders]"));
}

}  // namespace
}  // namespace dapr_mqtt::config
