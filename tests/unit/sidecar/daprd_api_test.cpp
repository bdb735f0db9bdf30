// daprd's HTTP API, with a server whose answers the test sets.
#include <gmock/gmock.h>
#include <httplib.h>

#include <string>
#include <thread>
#include <utility>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/sidecar/daprd.h"

namespace dapr_mqtt::sidecar {
namespace {

using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DaprdApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.Get("/v1.0/metadata",
                [this](const httplib::Request& request, httplib::Response& response) {
                  base::MutexLock lock(mutex_);
                  token_ = request.get_header_value("dapr-api-token");
                  response.status = status_;
                  response.set_content(body_, "application/json");
                });
    server_.Post("/v1.0/shutdown",
                 [this](const httplib::Request& request, httplib::Response& response) {
                   base::MutexLock lock(mutex_);
                   token_ = request.get_header_value("dapr-api-token");
                   shut_down_ = true;
                   response.status = 204;
                 });
    address_ = {"127.0.0.1", server_.bind_to_any_port("127.0.0.1")};
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  void TearDown() override {
    server_.stop();
    thread_.join();
  }

  void answer(std::string body, int status = 200) {
    base::MutexLock lock(mutex_);
    body_ = std::move(body);
    status_ = status;
  }
  /// The token of the last call.
  std::string token() {
    base::MutexLock lock(mutex_);
    return std::exchange(token_, std::string());
  }
  bool shut_down() {
    base::MutexLock lock(mutex_);
    return shut_down_;
  }

  httplib::Server server_;
  std::thread thread_;
  Address address_;

 private:
  base::Mutex mutex_;
  std::string body_ DM_GUARDED_BY(mutex_);
  int status_ DM_GUARDED_BY(mutex_) = 200;
  std::string token_ DM_GUARDED_BY(mutex_);
  bool shut_down_ DM_GUARDED_BY(mutex_) = false;
};

TEST_F(DaprdApiTest, Metadata_is_read) {
  answer(R"({"id":"greeter","runtimeVersion":"1.18.1","components":[
    {"name":"pubsub","type":"pubsub.mqtt","capabilities":["A","B"]},
    {"name":"store","type":"state.redis","capabilities":[]},
    {"name":"odd","capabilities":null}, 7]})");
  const auto metadata = make_daprd_api(base::Secret(), {})->metadata(address_);
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  EXPECT_EQ(metadata.value().app_id, "greeter");
  EXPECT_EQ(metadata.value().version, "1.18.1");
  EXPECT_THAT(metadata.value().capabilities.at("pubsub"), ElementsAre("A", "B"));
  EXPECT_THAT(metadata.value().capabilities.at("store"), IsEmpty());
  EXPECT_EQ(token(), "");
}

TEST_F(DaprdApiTest, Token_is_sent_to_whom_the_user_has_named_alone) {
  answer(R"({"id":"x"})");
  EXPECT_TRUE(make_daprd_api(base::Secret("secret"), {{"127.0.0.1", 1}})->metadata(address_).ok());
  EXPECT_EQ(token(), "");
  EXPECT_TRUE(make_daprd_api(base::Secret("secret"), {address_})->metadata(address_).ok());
  EXPECT_EQ(token(), "secret");
  EXPECT_TRUE(make_daprd_api(base::Secret("secret"), {address_})->shutdown(address_).ok());
  EXPECT_EQ(token(), "secret");
  EXPECT_TRUE(shut_down());
}

TEST_F(DaprdApiTest, Anything_but_a_daprd_is_an_error) {
  const auto api = make_daprd_api(base::Secret(), {});
  for (const char* body : {"", "hello", "[1]", "{}", "\xff", "{\"id\":"}) {
    answer(body);
    EXPECT_EQ(api->metadata(address_).status().kind(), ErrorKind::kFailedPrecondition) << body;
  }
  answer("", 404);
  EXPECT_THAT(api->metadata(address_).status().message(), HasSubstr("404"));
  answer("", 401);
  EXPECT_THAT(api->metadata(address_).status().message(), HasSubstr("DAPR_API_TOKEN"));
}

TEST_F(DaprdApiTest, Nobody_there_and_no_answer_are_told_apart) {
  httplib::Server other;
  const int port = other.bind_to_any_port("127.0.0.1");  // listens, but does not accept
  const auto api = make_daprd_api(base::Secret(), {});
  EXPECT_EQ(api->metadata(address_).status().kind(), ErrorKind::kFailedPrecondition);
  EXPECT_EQ(api->metadata({"127.0.0.1", port}).status().kind(), ErrorKind::kDeadlineExceeded);
  server_.stop();
  EXPECT_EQ(api->metadata(address_).status().kind(), ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace dapr_mqtt::sidecar
