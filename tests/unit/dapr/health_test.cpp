// The health service, as gRPC's own clients use it.
#include <gmock/gmock.h>

#include <future>

#include "grpc/health/v1/health.grpc.pb.h"
#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

namespace health = ::grpc::health::v1;
using grpc::StatusCode;
using Response = health::HealthCheckResponse;
using testing::WireClient;

constexpr const char* kPubSub = "dapr.proto.components.v1.PubSub";

class Watch {
 public:
  Watch(WireClient& client, const std::string& service) {
    client.prepare(context_);
    health::HealthCheckRequest request;
    request.set_service(service);
    reader_ = health::Health::NewStub(client.channel())->Watch(&context_, request);
  }
  ~Watch() {
    context_.TryCancel();
    Response ignored;
    while (reader_->Read(&ignored)) {
    }
    if (!finished_) reader_->Finish();
  }
  /// The next one, or nothing at the end.
  std::optional<int> next() {
    Response response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response.status();
  }
  grpc::Status finish() {
    finished_ = true;
    return reader_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<Response>> reader_;
  bool finished_ = false;
};

class Health : public testing::ServerTest {
 protected:
  void SetUp() override {
    start();
    client_.emplace(path_);
  }
  grpc::Status check(const std::string& service) {
    grpc::ClientContext context;
    client_->prepare(context);
    health::HealthCheckRequest request;
    request.set_service(service);
    return health::Health::NewStub(client_->channel())->Check(&context, request, &checked_);
  }

  std::optional<WireClient> client_;
  Response checked_;
};

TEST_F(Health, Check_knows_the_server_and_the_PubSub_service_and_no_other) {
  for (const char* service : {"", kPubSub}) {
    ASSERT_TRUE(check(service).ok()) << service;
    EXPECT_EQ(checked_.status(), Response::SERVING) << service;
  }
  EXPECT_EQ(check("no.such.Service").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Health, Watch_tells_now_and_each_change_and_ends_with_the_server) {
  Watch whole(*client_, "");
  Watch service(*client_, kPubSub);
  Watch unknown(*client_, "no.such.Service");
  EXPECT_EQ(whole.next(), Response::SERVING);
  EXPECT_EQ(service.next(), Response::SERVING);
  EXPECT_EQ(unknown.next(), Response::SERVICE_UNKNOWN);
  stop();
  EXPECT_EQ(whole.next(), Response::NOT_SERVING);
  EXPECT_EQ(service.next(), Response::NOT_SERVING);
  for (Watch* watch : {&whole, &service, &unknown}) {
    EXPECT_EQ(watch->next(), std::nullopt);
    EXPECT_EQ(watch->finish().error_code(), StatusCode::UNAVAILABLE);
  }
}

TEST_F(Health, is_NOT_SERVING_while_the_server_drains) {
  factory_.behaviour.hold_drains = true;
  ASSERT_TRUE(client_->init().ok());
  Watch watch(*client_, "");
  ASSERT_EQ(watch.next(), Response::SERVING);
  auto stopped = std::async(std::launch::async, [&] { stop(std::chrono::seconds(2)); });
  EXPECT_EQ(watch.next(), Response::NOT_SERVING);
  ASSERT_TRUE(check("").ok());
  EXPECT_EQ(checked_.status(), Response::NOT_SERVING);
  stopped.wait();
}

TEST_F(Health, Watches_of_clients_that_go_away_are_let_go) {
  for (int round = 0; round < 100; ++round) {
    Watch watch(*client_, "");
    ASSERT_EQ(watch.next(), Response::SERVING);
  }
  {
    WireClient dying(path_);
    Watch watch(dying, "");
    ASSERT_EQ(watch.next(), Response::SERVING);
    dying.hang_up();
    EXPECT_EQ(watch.next(), std::nullopt);
  }
  EXPECT_TRUE(check("").ok());
}

TEST_F(Health, Watches_come_and_go_while_the_server_stops) {
  std::atomic<bool> done{false};
  std::atomic<int> seen{0};
  std::vector<std::thread> watching;
  for (int i = 0; i < 3; ++i) {
    watching.emplace_back([&] {
      while (!done) {
        Watch watch(*client_, "");
        if (watch.next()) ++seen;
      }
    });
  }
  while (seen < 100) std::this_thread::yield();
  stop();
  done = true;
  for (std::thread& thread : watching) thread.join();
}

}  // namespace
}  // namespace dapr_mqtt::dapr
