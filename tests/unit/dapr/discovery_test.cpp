// What daprd sees before it calls Init, and the probe that does as daprd does.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "dapr/probe_reflection.h"
#include "dapr_mqtt/dapr/probe.h"
#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::WireClient;

using Discovery = testing::ServerTest;
using Probe = testing::ServerTest;

TEST_F(Discovery, reflection_lists_the_service_in_the_version_daprd_asks_for) {
  start();
  WireClient client(path_);
  const auto services =
      list_services(client.channel(), std::chrono::system_clock::now() + WireClient::kPatience);
  ASSERT_TRUE(services.ok()) << services.status().message();
  EXPECT_THAT(services.value(), Contains("dapr.proto.components.v1.PubSub"));
}

TEST_F(Discovery, health_service_answers_SERVING_for_the_server_and_the_service) {
  start();
  WireClient client(path_);
  const std::string serving("\x08\x01", 2);  // HealthCheckResponse.status = SERVING
  std::string answer;
  ASSERT_TRUE(call_raw(client, "/grpc.health.v1.Health/Check", "", answer).ok());
  EXPECT_EQ(answer, serving);
  const std::string name = "dapr.proto.components.v1.PubSub";
  const std::string request = "\x0A" + std::string(1, static_cast<char>(name.size())) + name;
  ASSERT_TRUE(call_raw(client, "/grpc.health.v1.Health/Check", request, answer).ok());
  EXPECT_EQ(answer, serving);
}

TEST_F(Discovery, unknown_method_is_unimplemented_and_harms_nothing) {
  start();
  WireClient client(path_);
  std::string answer;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        call_raw(client, "/dapr.proto.components.v1.PubSub/Nonsense", "", answer).error_code(),
        grpc::StatusCode::UNIMPLEMENTED);
  }
  EXPECT_TRUE(client.init().ok());
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Discovery, request_that_is_no_message_is_refused_and_harms_nothing) {
  start();
  WireClient client(path_);
  std::string answer;
  EXPECT_FALSE(
      call_raw(client, "/dapr.proto.components.v1.PubSub/Publish", "\xFF\xFF\xFF", answer).ok());
  EXPECT_TRUE(client.init().ok());
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Discovery, folder_is_made_and_socket_has_mode_0600) {
  ServerOptions options;
  options.socket_path = folder_ / "new/mqtt.sock";
  const auto server = Server::start(options, factory_, log_);
  ASSERT_TRUE(server.ok()) << server.status().message();
  struct stat info {};
  ASSERT_EQ(::stat(options.socket_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(Discovery, second_server_is_refused_and_the_first_serves_on) {
  start();
  ServerOptions options;
  options.socket_path = path_;
  const auto second = Server::start(options, factory_, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("another process"));
  EXPECT_TRUE(WireClient(path_).init().ok());
}

TEST_F(Probe, sends_a_message_round_and_tells_what_it_saw) {
  factory_.behaviour.loop_back = true;
  start();
  ProbeRequest request;
  request.socket_path = path_;
  request.metadata = {{"url", "tcp://localhost"}};
  request.topic = "probe/1";
  request.payload = "hello";
  const auto report = round_trip(request);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_THAT(report.value().services, Contains("dapr.proto.components.v1.PubSub"));
  EXPECT_THAT(report.value().features, ElementsAre("SUBSCRIBE_WILDCARDS", "BULK_PUBSUB"));
  EXPECT_EQ(report.value().received, "hello");
  EXPECT_EQ(report.value().received_topic, "probe/1");
  EXPECT_THAT(report.value().received_metadata, Contains(Pair("mqtt-topic", "probe/1")));
  EXPECT_EQ(report.value().others, 0U);
  EXPECT_TRUE(wait([&] { return factory_.alive == 0; })) << "its connection is closed";
}

TEST_F(Probe, names_the_step_that_failed) {
  start();
  ProbeRequest request;
  request.socket_path = path_;
  request.metadata = {{"bad", "3"}};
  request.topic = "t";
  EXPECT_EQ(round_trip(request).status().message(), "Init: bad: 3 is not allowed");
  request.metadata = {};
  factory_.behaviour.publish_status = base::unavailable("no broker");
  EXPECT_EQ(round_trip(request).status().message(), "Publish to \"t\": no broker");
  EXPECT_EQ(round_trip(request).status().kind(), base::ErrorKind::kUnavailable);
}

TEST_F(Probe, says_when_nobody_serves_the_socket) {
  ProbeRequest request;
  request.socket_path = path_;
  const auto report = round_trip(request);
  EXPECT_EQ(report.status().kind(), base::ErrorKind::kUnavailable);
  EXPECT_THAT(report.status().message(), HasSubstr(path_));
  EXPECT_THAT(report.status().message(), HasSubstr("is the component running"));
}

TEST_F(Probe, says_when_the_message_does_not_come_back) {
  start();
  ProbeRequest request;
  request.socket_path = path_;
  request.topic = "t";
  request.timeout = std::chrono::milliseconds(500);
  const auto report = round_trip(request);
  EXPECT_EQ(report.status().kind(), base::ErrorKind::kDeadlineExceeded);
  EXPECT_THAT(report.status().message(), HasSubstr("did not come back"));
}

}  // namespace
}  // namespace dapr_mqtt::dapr
