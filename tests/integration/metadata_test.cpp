// What a Component may say, as daprd hands it to Init.
#include "integration/component_test.h"
#include "support/certificates.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Metadata : public ComponentTest {
 protected:
  grpc::Status init(const Properties& with) {
    ComponentClient client(component->address());
    return client.init(with);
  }
};

TEST_F(Metadata, of_the_documented_pages_first_example_works_unchanged) {
  EXPECT_TRUE(init({{"url", broker->url()},
                    {"qos", "1"},
                    {"retain", "false"},
                    {"cleanSession", "true"},
                    {"backOffMaxRetries", "0"},
                    {"consumerID", "daprs-app-id"}})
                  .ok());
}

TEST_F(Metadata, of_the_documented_pages_third_example_works_unchanged) {
  EXPECT_TRUE(init({{"consumerID", "{uuid}"},
                    {"url", "tcp://admin:public@127.0.0.1:" + std::to_string(broker->port())},
                    {"qos", "1"},
                    {"retain", "false"},
                    {"cleanSession", "false"},
                    {"backoffMaxRetries", "0"}})
                  .ok());
}

TEST_F(Metadata, that_is_wrong_is_refused_with_every_problem_and_no_secret) {
  const grpc::Status status = init({{"url", "tcp://user:hunter2@"},
                                    {"consumerID", "x"},
                                    {"qos", "3"},
                                    {"retain", "maybe"},
                                    {"backOffMaxRetries", "-2"},
                                    {"clientCert", "garbage"},
                                    {"password", "s3cret"}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("url"), HasSubstr("qos"), HasSubstr("\"3\""), HasSubstr("retain"),
                    HasSubstr("\"maybe\""), HasSubstr("backOffMaxRetries"), HasSubstr("-2"),
                    HasSubstr("clientCert"), HasSubstr("clientKey")));
  EXPECT_THAT(status.error_message() + component->process().output(),
              AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("s3cret"))));
}

TEST_F(Metadata, that_misses_what_is_required_is_refused_by_name) {
  EXPECT_THAT(init({{"consumerID", "x"}}).error_message(), HasSubstr("url"));
  EXPECT_THAT(init({{"url", broker->url()}}).error_message(), HasSubstr("consumerID"));
}

TEST_F(Metadata, with_a_key_of_another_certificate_is_refused) {
  const CertificateAuthority authority;
  const Identity one = authority.client();
  const Identity other = authority.client();
  const grpc::Status status = init({{"url", "ssl://localhost:1"},
                                    {"consumerID", "x"},
                                    {"clientCert", one.cert_pem},
                                    {"clientKey", other.key_pem}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("clientKey"));
  EXPECT_THAT(status.error_message(), Not(HasSubstr(other.key_pem.substr(40, 20))));
}

TEST_F(Metadata, with_an_unknown_key_works_and_warns_with_the_nearest) {
  EXPECT_TRUE(init(metadata({{"cleanSesion", "true"}})).ok());
  EXPECT_TRUE(component->process().wait_for_output("cleanSession"));
}

TEST_F(Metadata, may_be_mended_on_the_same_connection) {
  ComponentClient client(component->address());
  EXPECT_FALSE(client.init(metadata({{"qos", "abc"}})).ok());
  EXPECT_EQ(client.publish("t", "x").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(client.init(metadata()).ok());
  EXPECT_TRUE(client.publish("t", "x").ok());
}

}  // namespace
}  // namespace dapr_mqtt::testing
