// Publishes within a limit of memory, over a real socket.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using testing::WireClient;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class MemoryTest : public testing::ServerTest {
 protected:
  /// The server is told that the process uses `used_` of that.
  void start_within(std::size_t limit) {
    ServerOptions options;
    options.memory = {limit, "the test", [this] { return used_.load(); }, nullptr};
    start(std::move(options));
  }
  static std::string payload(std::size_t bytes) { return std::string(bytes, 'x'); }

  std::atomic<std::size_t> used_{0};
};

TEST_F(MemoryTest, A_publish_larger_than_ever_fits_is_RESOURCE_EXHAUSTED) {
  start_within(64 * kMiB);  // 28 for publishes, at two and a half times their size
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  EXPECT_TRUE(client.publish("t", payload(11 * kMiB)).ok());
  const grpc::Status status = client.publish("t", payload(12 * kMiB));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(
      status.error_message(),
      HasSubstr("a request of 12.0 MiB never fits: the largest has 11.2 MiB with the memory "
                "limit of 64.0 MiB (the test)"));
  EXPECT_TRUE(client.publish("t", payload(11 * kMiB)).ok());
}

TEST_F(MemoryTest, What_is_not_answered_counts_and_is_released_with_the_answer) {
  factory_.behaviour.hold_publishes = true;
  start_within(64 * kMiB);
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  auto held =
      std::async(std::launch::async, [&] { return client.publish("t", payload(10 * kMiB)); });
  const auto instance = factory_.latest();
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == 1; }));

  const grpc::Status refused = client.publish("t", payload(8 * kMiB));
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("a request of 8.0 MiB takes up to 20.0 MiB"));
  EXPECT_THAT(refused.error_message(), HasSubstr("the memory limit of 64.0 MiB (the test)"));
  EXPECT_THAT(refused.error_message(), HasSubstr("raise the container's memory limit"));

  auto bulk = std::async(std::launch::async, [&] {
    wire::BulkPublishRequest request;
    request.set_topic("t");
    for (int i = 0; i < 8; ++i) request.add_entries()->set_event(payload(kMiB));
    wire::BulkPublishResponse response;
    return client.call(&wire::PubSub::Stub::BulkPublish, request, response);
  });
  EXPECT_EQ(bulk.get().error_code(), StatusCode::RESOURCE_EXHAUSTED) << "counts as a whole";

  auto small = std::async(std::launch::async, [&] { return client.publish("t", "x"); });
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == 2; }));
  instance->answer_publishes({});
  EXPECT_TRUE(held.get().ok());
  EXPECT_TRUE(small.get().ok());

  auto next =
      std::async(std::launch::async, [&] { return client.publish("t", payload(8 * kMiB)); });
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == 1; }));
  instance->answer_publishes({});
  EXPECT_TRUE(next.get().ok());
}

TEST_F(MemoryTest, A_request_is_refused_while_it_is_read_when_memory_gets_short) {
  start_within(64 * kMiB);
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  // A call whose request does not come: reading it does not end.
  grpc::GenericStub stub(client.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  client.prepare(context);
  const auto call = stub.PrepareCall(&context, "/dapr.proto.components.v1.PubSub/Publish", &queue);
  call->StartCall(nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  ASSERT_TRUE(client.publish("t", "x").ok());

  used_ = 63 * kMiB;
  grpc::Status status;
  call->Finish(&status, &status);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("the process has 63.0 MiB of the memory limit"));

  const grpc::Status large = client.publish("t", payload(4 * kMiB));
  EXPECT_EQ(large.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(log_.contains("memory is short"));
  used_ = 10 * kMiB;
  // The jump to 63 MiB counts for some further looks, if this request is read slowly.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool taken = false;
  while (!taken && std::chrono::steady_clock::now() < deadline) {
    taken = client.publish("t", payload(4 * kMiB)).ok();
  }
  EXPECT_TRUE(taken);
}

TEST_F(MemoryTest, Bytes_that_are_no_request_and_unknown_methods_get_their_errors) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  const auto raw = [&](const std::string& method, const grpc::ByteBuffer& request) {
    grpc::GenericStub stub(client.channel());
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    client.prepare(context);
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, &status);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  };
  const grpc::Slice nonsense("\xff\xff\xff", 3);
  const grpc::ByteBuffer bytes(&nonsense, 1);
  const std::string service = "/dapr.proto.components.v1.PubSub/";
  EXPECT_EQ(raw(service + "Publish", bytes).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(raw(service + "BulkPublish", bytes).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(raw(service + "Republish", bytes).error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(MemoryTest, The_server_stops_while_requests_are_being_read) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  grpc::GenericStub stub(client.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  client.prepare(context);
  const auto call = stub.PrepareCall(&context, "/dapr.proto.components.v1.PubSub/Publish", &queue);
  call->StartCall(nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  ASSERT_TRUE(client.publish("t", "x").ok());
  stop(std::chrono::milliseconds(0));  // which returns
  grpc::Status status;
  call->Finish(&status, &status);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace dapr_mqtt::dapr
