// TLS to a real broker: what works, and what each mistake is told as.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

/// The files that the component has open, and those in `folders`.
std::vector<std::string> files_of(const ComponentProcess& component,
                                  const std::vector<fs::path>& folders) {
  std::vector<std::string> files;
  std::error_code error;
  const std::string open = "/proc/" + std::to_string(component.process().pid()) + "/fd";
  for (const auto& entry : fs::directory_iterator(open, error)) {
    const fs::path file = fs::read_symlink(entry, error);  // "/memfd:…" is none on a disk
    if (fs::is_regular_file(file, error)) files.push_back(file);
  }
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
      if (entry.is_regular_file(error)) files.push_back(entry.path());
    }
  }
  return files;
}

class Tls : public ::testing::Test {
 protected:
  void SetUp() override { DAPR_MQTT_NEEDS_MOSQUITTO(); }

  void start(const Identity& server, bool require_client_certificate = false) {
    MosquittoOptions options;
    options.ca_pem = authority.pem();
    options.server = server;
    options.require_client_certificate = require_client_certificate;
    broker = std::make_unique<Mosquitto>(options);
  }
  grpc::Status init(const Properties& more) {
    Properties all{{"url", broker->url()}, {"consumerID", "app"}, {"qos", "1"}};
    for (const auto& [key, value] : more) all[key] = value;
    return client.init(all);
  }
  void expect_refused(const Properties& more, const ::testing::Matcher<std::string>& message) {
    const grpc::Status status = init(more);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(status.error_message(), message);
  }

  const CertificateAuthority authority;
  std::unique_ptr<Mosquitto> broker;
  const TemporaryFolder scratch;
  ComponentProcess component{{.environment = {{"TMPDIR", scratch.path()}}}};
  ComponentClient client{component.address()};
};

TEST_F(Tls, carries_messages_both_ways_with_the_brokers_ca) {
  start(authority.server());
  ASSERT_TRUE(init({{"caCert", authority.pem()}}).ok());
  const auto stream = client.pull("t");
  ASSERT_TRUE(client.publish("t", "x").ok());
  EXPECT_TRUE(stream->next());
}

TEST_F(Tls, works_mutually_with_line_breaks_escaped_and_keeps_the_key_off_the_disk) {
  start(authority.server(), true);
  const Identity identity = authority.client();
  const auto escaped = [](const std::string& pem) {
    std::string out;
    for (const char c : pem) out += c == '\n' ? std::string("\\n") : std::string(1, c);
    return out;
  };
  ASSERT_TRUE(init({{"caCert", escaped(authority.pem())},
                    {"clientCert", escaped(identity.cert_pem)},
                    {"clientKey", escaped(identity.key_pem)}})
                  .ok());
  const auto stream = client.pull("t");
  ASSERT_TRUE(client.publish("t", "x").ok());
  EXPECT_TRUE(stream->next());
  EXPECT_THAT(component.process().output(), Not(HasSubstr("PRIVATE KEY")));
  const fs::path sockets_and_state = fs::path(component.socket()).parent_path();
  for (const std::string& file : files_of(component, {scratch.path(), sockets_and_state})) {
    std::ifstream content(file, std::ios::binary);
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(content), {}),
                Not(HasSubstr("PRIVATE KEY")))
        << file;
  }
}

TEST_F(Tls, to_an_unknown_ca_says_so) {
  start(authority.server());
  const CertificateAuthority other("another CA");
  expect_refused({{"caCert", other.pem()}}, HasSubstr("caCert"));
  expect_refused({}, HasSubstr("caCert"));  // the system's CAs
}

TEST_F(Tls, to_a_wrong_host_name_says_so) {
  start(authority.server_for({"other.example"}));
  expect_refused({{"caCert", authority.pem()}}, HasSubstr("host"));
}

TEST_F(Tls, to_an_expired_certificate_says_so) {
  start(authority.expired_server());
  expect_refused({{"caCert", authority.pem()}}, HasSubstr("expired"));
}

TEST_F(Tls, without_the_client_certificate_that_is_wanted_says_so) {
  start(authority.server(), true);
  expect_refused({{"caCert", authority.pem()}}, HasSubstr("clientCert"));
}

TEST_F(Tls, with_a_client_certificate_that_is_refused_says_so) {
  start(authority.server(), true);
  const Identity expired = authority.expired_client();
  expect_refused({{"caCert", authority.pem()},
                  {"clientCert", expired.cert_pem},
                  {"clientKey", expired.key_pem}},
                 HasSubstr("certificate"));
}

TEST_F(Tls, spoken_to_a_plain_port_says_so) {
  broker = std::make_unique<Mosquitto>();
  expect_refused(
      {{"url", "ssl://127.0.0.1:" + std::to_string(broker->port())}, {"caCert", authority.pem()}},
      HasSubstr("TLS"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
